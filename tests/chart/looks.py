"""Where to look in the chart's objects for what a value changes.

Each function makes a look, which takes all objects and finds one thing there. Neighbour: `tried`
has a look for every value of the chart.
"""

from collections.abc import Callable
from typing import Any

from .helm import Object, config, container, found, pod

Look = Callable[[list[Object]], Any]


def has(kind: str, name: str = "") -> Look:
    """Whether there is an object of a kind whose name ends so."""
    return lambda objects: any(
        o["kind"] == kind and o["metadata"]["name"].endswith(name) for o in objects
    )


def metadata(kind: str, name: str, part: str, key: str) -> Look:
    """A label or annotation of an object."""
    return lambda objects: found(objects, kind, name)["metadata"].get(part, {}).get(key)


def labelled(key: str) -> Look:
    """The values of a label on all objects, and on the pods."""
    return lambda objects: {o["metadata"]["labels"].get(key) for o in [*objects, pod(objects)]}


def policy(name: str, way: str, number: int) -> Look:
    """A rule of a NetworkPolicy."""
    return lambda objects: found(objects, "NetworkPolicy", name)["spec"][way][number]


def ports(rule: Look) -> Look:
    return lambda objects: [port["port"] for port in rule(objects)["ports"]]


def alert(name: str) -> Look:
    """The expression of an alert."""
    return lambda objects: next(
        rule["expr"]
        for group in found(objects, "PrometheusRule")["spec"]["groups"]
        for rule in group["rules"]
        if rule["alert"] == name
    )


def in_spec(key: str) -> Look:
    return lambda objects: pod(objects)["spec"].get(key)


def secret_of(volume: str) -> Look:
    """The Secret that a volume of the operator's pod is of."""
    return lambda objects: next(
        found["secret"]["secretName"]
        for found in pod(objects)["spec"]["volumes"]
        if found["name"] == volume
    )


def in_container(key: str) -> Look:
    return lambda objects: container(objects).get(key)


def page(key: str) -> Look:
    """A part of the live page's container."""
    return lambda objects: container(objects, "dashboard").get(key)


def of_page(key: str) -> Look:
    """A part of the live page's pod."""
    return lambda objects: pod(objects, "dashboard")["spec"].get(key)


def in_config(*route: str) -> Look:
    def look(objects: list[Object]) -> Any:
        there: Any = config(objects)
        for key in route:
            there = there[key]
        return there

    return look


def rights_on(group: str) -> Look:
    """Whether the operator may do anything with what is of a group."""
    return lambda objects: any(
        group in rule["apiGroups"]
        for one in objects
        if one["kind"] in ("Role", "ClusterRole") and one["metadata"]["name"].endswith("-operator")
        for rule in one["rules"]
    )


def monitor(objects: list[Object]) -> set[Any]:
    """The intervals of all PodMonitors."""
    monitors = [o for o in objects if o["kind"] == "PodMonitor"]
    return {m["spec"]["podMetricsEndpoints"][0].get("interval") for m in monitors}


def contains(look: Look, part: Any) -> Look:
    return lambda objects: part in look(objects)
