"""What an autoscaler says of itself: does it scale, and if not, why not.

Without a metrics API, without a CPU request of the pods, or without an answer of Prometheus, it
stands still and only its own status tells. Neighbours: `runtime.observing` reads it,
`words.conditions` tells it; `autoscaler` and `scaled_object` make what is looked at here.
"""

from collections.abc import Mapping

from ....api import names
from ...observed import Scaling
from ...times import epoch, rfc3339
from ..build import Object
from . import autoscaler, scaled_object

# Figures of new pods come that late; until then each autoscaler says that it has none.
FIRST_FIGURES_SECONDS = 60.0

# kind → conditions that are False where it stands still; the last one is True where it scales
_CONDITIONS = {
    autoscaler.KIND: ("AbleToScale", "ScalingActive"),
    scaled_object.KIND: ("HPAActive", "Ready"),
}


def scalings(live: Mapping[tuple[str, str], Object], now: float) -> dict[str, Scaling]:
    """Return revision → what its autoscaler says, where there is one. `now` in epoch seconds."""
    found = {}
    for (kind, _), obj in live.items():
        meta = obj["metadata"]
        if kind in _CONDITIONS and not meta.get("deletionTimestamp"):
            labels = meta.get("labels") or {}
            found[labels.get(names.LABEL_REVISION, "")] = _scaling(kind, obj, now)
    return found


def _scaling(kind: str, obj: Object, now: float) -> Scaling:
    conditions = (obj.get("status") or {}).get("conditions") or []
    by_type = {condition["type"]: condition for condition in conditions}
    for name in _CONDITIONS[kind]:
        condition = by_type.get(name) or {}
        if condition.get("status") == "False":
            return _stands_still(kind, obj, condition, now)
    if (by_type.get(_CONDITIONS[kind][-1]) or {}).get("status") != "True":
        return Scaling(None)
    return Scaling(True)


def _stands_still(kind: str, obj: Object, condition: Object, now: float) -> Scaling:
    # KEDA's conditions don't say since when they are so.
    since = condition.get("lastTransitionTime") or obj["metadata"].get("creationTimestamp")
    until = epoch(since or rfc3339(now)) + FIRST_FIGURES_SECONDS
    if now < until <= now + FIRST_FIGURES_SECONDS:
        return Scaling(None, look_again=until)
    reason = condition.get("reason") or condition["type"]
    text = f"{kind} {obj['metadata']['name']} does not scale: {reason}"
    return Scaling(False, reason, f"{text}: {condition.get('message') or ''}".rstrip(": "))
