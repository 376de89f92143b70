"""Whether a Gateway takes what a ModelDeployment asks of it: its name, host and namespace. Pure.

As Gateway API has it: a route is taken by a listener whose hostname meets one of the route's, and
that allows routes of the namespace.
"""

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]
Key = tuple[str, str]  # namespace, name


def refusals(
    spec: Object, namespace: str, labels: Mapping[str, str], gateways: Mapping[Key, Object | None]
) -> list[tuple[int, str]]:
    """Return why, for each of the parentRefs that no listener takes. `labels`: the namespace's."""
    gateway = (spec.get("traffic") or {}).get("gateway") or {}
    found = []
    for number, parent in enumerate(gateway.get("parentRefs") or []):
        key = (parent.get("namespace") or namespace, parent["name"])
        why = _refusal(
            gateways.get(key), key, parent, gateway.get("hostnames") or [], namespace, labels
        )
        if why:
            found.append((number, why))
    return found


def _refusal(
    there: Object | None,
    key: Key,
    parent: Object,
    hosts: list[str],
    namespace: str,
    labels: Mapping[str, str],
) -> str:
    name = "/".join(key)
    if there is None:
        return f"there is no Gateway {name}"
    listeners = [
        one
        for one in there["spec"].get("listeners") or []
        if parent.get("sectionName") in (None, one["name"])
        and parent.get("port") in (None, one["port"])
        and one.get("protocol", "HTTP") in ("HTTP", "HTTPS")
    ]
    if not listeners:
        return f"the Gateway {name} has no such listener for HTTP"
    allowing = [one for one in listeners if _allows(one, key[0], namespace, labels)]
    if not allowing:
        return f"no listener of the Gateway {name} takes routes from the namespace {namespace}"
    if hosts and not any(_meets(one.get("hostname"), host) for one in allowing for host in hosts):
        taken = ", ".join(sorted({one.get("hostname") or "*" for one in allowing}))
        return f"the Gateway {name} takes {taken}, and not {', '.join(hosts)}"
    return ""


def _allows(listener: Object, own: str, namespace: str, labels: Mapping[str, str]) -> bool:
    rule = ((listener.get("allowedRoutes") or {}).get("namespaces") or {}).get("from", "Same")
    if rule == "Selector":
        selector = listener["allowedRoutes"]["namespaces"].get("selector") or {}
        return _selected(selector, labels)
    return rule == "All" or (rule == "Same" and own == namespace)


def _selected(selector: Object, labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    for rule in selector.get("matchExpressions") or []:
        value, values = labels.get(rule["key"]), rule.get("values") or []
        holds = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not holds.get(rule["operator"], True):
            return False
    return True


def _meets(listener: str | None, host: str) -> bool:
    """Tell whether two host names have one in common; `*.` stands for one label or more."""
    if not listener or listener == host:
        return True
    if listener.startswith("*.") and host.endswith(listener[1:]):
        return True
    return host.startswith("*.") and listener.endswith(host[1:])
