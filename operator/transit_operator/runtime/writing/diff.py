"""Does an object already say what we want? Then it isn't written: a settled system is silent.

The API server adds defaults and others own fields of their own, so only what we set is compared.
"""

from typing import Any

from kubernetes.utils.quantity import parse_quantity

# Lists that others may add to (injected sidecars, owners): compared entry by entry, by this key.
# All other lists are ours as a whole: one more backend in a route is a difference.
_MAPS = {
    "containers": "name",
    "initContainers": "name",
    "imagePullSecrets": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ownerReferences": "uid",
}
# What we write with every default, so that a field that is there and not asked for is a difference:
# a filter, a time-out or a listener that the spec has no more.
_WHOLE = {"rules", "parentRefs"}
# Maps that mean something as a whole: one more label in a selector selects other pods.
_EXACT = {"selector", "nodeSelector"}

# Texts that the API server leaves out where they are empty (env, tolerations).
_LEFT_OUT = {"value", "key", "effect", "operator"}

# Maps of quantities, which the API server writes its own way: 1000m comes back as 1.
_QUANTITIES = {"requests", "limits"}
_QUANTITY = "averageValue"  # of an autoscaler: 2000 comes back as 2k


def same(desired: Any, live: Any, field: str = "") -> bool:
    """Tell whether everything in `desired` stands in `live`; more may stand there."""
    if desired == live:  # so it is for most parts of most objects, and told at once
        return True
    if field in _WHOLE:
        return False
    if isinstance(desired, dict):
        if not isinstance(live, dict):
            return not desired and live is None
        if field in _EXACT and set(desired) != set(live):
            return False
        if field in _QUANTITIES:
            return all(_same_quantity(value, live.get(key)) for key, value in desired.items())
        for key, value in desired.items():  # noqa: SIM110 - twice as fast as a generator
            if not same(value, live.get(key), key):
                return False
        return True
    if isinstance(desired, list):
        return _same_list(desired, live, _MAPS.get(field))
    if desired == "" and field in _LEFT_OUT:
        return not live
    return field == _QUANTITY and _same_quantity(desired, live)


def _same_list(desired: list[Any], live: Any, key: str | None) -> bool:
    if not isinstance(live, list):
        return not desired and live is None
    if key is None:
        return len(desired) == len(live) and all(
            same(d, v) for d, v in zip(desired, live, strict=True)
        )
    by_key = {item.get(key): item for item in live}
    return all(same(item, by_key.get(item[key])) for item in desired)


def _same_quantity(desired: Any, live: Any) -> bool:
    if not isinstance(desired, str | int) or not isinstance(live, str | int):
        return False
    try:
        return bool(parse_quantity(desired) == parse_quantity(live))
    except ValueError:
        return False
