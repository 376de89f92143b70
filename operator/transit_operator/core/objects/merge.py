"""Strategic merge, as `kubectl patch` and kustomize know it: one part of a pod over another.

Pure, and never fails: what makes no sense is handed on, for the API server to say so. Lists that
Kubernetes keys are merged by that key; tolerations are added; all other lists are replaced.
`$patch: replace` and `$patch: delete` say otherwise of a map or of an entry, and null removes.
Neighbour: `template` merges with it.
"""

from typing import Any, Final

# Kubernetes' own merge keys of what a pod has.
_KEYS: Final = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "resourceClaims": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "topologySpreadConstraints": "topologyKey",
    "hostAliases": "ip",
    "ports": "containerPort",
}
# Replaced by Kubernetes; but a pod that asks for one more doesn't mean to give up its pool's.
_ADDED: Final = {"tolerations"}
# Of these an entry has one source out of many: another one replaces it.
_ONE_SOURCE: Final = {"volumes", "resourceClaims"}

_DIRECTIVE: Final = "$patch"


def merged(base: Any, over: Any, field: str = "") -> Any:
    """Return `base` with `over` merged into it; neither is changed."""
    if isinstance(over, dict):
        if isinstance(base, dict) and over.get(_DIRECTIVE) != "replace":
            return _maps(base, over)
        return _maps({}, over)
    if isinstance(over, list):
        return _lists(base if isinstance(base, list) else [], over, field)
    return over


def _maps(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    found = dict(base)
    for key, value in over.items():
        if key == _DIRECTIVE:
            continue
        if value is None or (isinstance(value, dict) and value.get(_DIRECTIVE) == "delete"):
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value, key)
    return found


def _lists(base: list[Any], over: list[Any], field: str) -> list[Any]:
    if field in _ADDED:
        return [*base, *(entry for entry in over if entry not in base)]
    key = _KEYS.get(field)
    if key is None:
        return [merged(None, entry) for entry in over]
    found = list(base)
    for entry in over:
        at = _place(found, entry, key)
        if isinstance(entry, dict) and entry.get(_DIRECTIVE) == "delete":
            found[at : at + 1] = []
        elif at < len(found):
            known = (
                {key: entry[key]} if _another_source(found[at], entry, key, field) else found[at]
            )
            found[at] = merged(known, entry)
        else:
            found.append(merged(None, entry))
    return found


def _place(entries: list[Any], entry: Any, key: str) -> int:
    """Return where the entry of the same key is; the end, where there is none."""
    if not isinstance(entry, dict) or key not in entry:
        return len(entries)
    same = (n for n, e in enumerate(entries) if isinstance(e, dict) and e.get(key) == entry[key])
    return next(same, len(entries))


def _another_source(known: dict[str, Any], entry: dict[str, Any], key: str, field: str) -> bool:
    sources = set(entry) - {key, _DIRECTIVE}
    return field in _ONE_SOURCE and bool(sources) and not sources & set(known)
