"""What a HorizontalPodAutoscaler says of itself: does it scale, and if not, why not.

Without a metrics API, or without a CPU request of the pods, it stands still and only its own status
tells. Neighbours: `runtime.observing` reads it, `words.conditions` tells it.
"""

from collections.abc import Mapping

from ...api import names
from ..observed import Scaling
from ..times import epoch, rfc3339
from .build import Object

# Figures of new pods come that late; until then each autoscaler says that it has none.
FIRST_FIGURES_SECONDS = 60.0


def scalings(live: Mapping[tuple[str, str], Object], now: float) -> dict[str, Scaling]:
    """Return revision → what its autoscaler says, where there is one. `now` in epoch seconds."""
    found = {}
    for (kind, _), obj in live.items():
        if kind == "HorizontalPodAutoscaler":
            labels = obj["metadata"].get("labels") or {}
            found[labels.get(names.LABEL_REVISION, "")] = _scaling(obj, now)
    return found


def _scaling(autoscaler: Object, now: float) -> Scaling:
    conditions = (autoscaler.get("status") or {}).get("conditions") or []
    by_type = {condition["type"]: condition for condition in conditions}
    for kind in ("AbleToScale", "ScalingActive"):
        condition = by_type.get(kind) or {}
        if condition.get("status") == "False":
            return _stands_still(autoscaler, condition, now)
    if (by_type.get("ScalingActive") or {}).get("status") != "True":
        return Scaling(None)
    return Scaling(True)


def _stands_still(autoscaler: Object, condition: Object, now: float) -> Scaling:
    until = epoch(condition.get("lastTransitionTime") or rfc3339(now)) + FIRST_FIGURES_SECONDS
    if now < until <= now + FIRST_FIGURES_SECONDS:
        return Scaling(None, look_again=until)
    reason = condition.get("reason") or condition["type"]
    text = f"HorizontalPodAutoscaler {autoscaler['metadata']['name']} does not scale: {reason}"
    return Scaling(False, reason, f"{text}: {condition.get('message') or ''}".rstrip(": "))
