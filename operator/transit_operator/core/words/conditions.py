"""Conditions: what tools wait for and alert on. Each has a reason of one word, and a message."""

from ...api.spec import ModelDeploymentSpec
from ...api.status import Condition, Phase
from ..observed import Observed
from ..plan.plan import Plan
from ..signals.baseline import missing
from ..signals.judge import HEALTH
from ..state import Rollout
from ..times import rfc3339
from .phase import serving
from .text import capped


def conditions(
    o: Observed,
    spec: ModelDeploymentSpec,
    rollout: Rollout,
    plan: Plan,
    phase: Phase,
    message: str,
) -> list[Condition]:
    """Return every condition of a spec that is understood."""
    said = [
        _accepted(o),
        _available(o, plan),
        _progressing(rollout, phase, message),
        _metrics_available(rollout),
    ]
    return [condition(o, rollout.rest.conditions, *words) for words in said]


Words = tuple[str, str, str, str]  # type, status, reason, message


def _accepted(o: Observed) -> Words:
    if o.problem is None:
        return "Accepted", "True", "Pinned", "the spec is understood"
    return "Accepted", "False", o.problem.reason, o.problem.message


def _available(o: Observed, plan: Plan) -> Words:
    if serving(o, plan):
        return "Available", "True", "Serving", "pods with traffic are ready"
    return "Available", "False", "NoReadyPods", "no pod with traffic is ready"


def _progressing(rollout: Rollout, phase: Phase, message: str) -> Words:
    rejected = rollout.rest.rejected
    value, reason = {
        Phase.STABLE: ("True", "RolloutComplete"),
        Phase.PROGRESSING: ("True", "RolloutInProgress"),
        Phase.BAKING: ("True", "RolloutInProgress"),
        Phase.PENDING: ("True", "FirstDeployment"),
        Phase.ROLLING_BACK: ("True", "RollingBack"),
        Phase.PAUSED: ("Unknown", "Paused"),
        Phase.ROLLED_BACK: ("False", str(rejected.reason) if rejected else "RolledBack"),
        Phase.FAILED: ("False", "NothingServes"),
    }[phase]
    return "Progressing", value, reason, message


def _metrics_available(rollout: Rollout) -> Words:
    signals = rollout.rest.signals if rollout.candidate is not None else []
    absent = [e for e in signals if missing(e)]
    if absent:
        text = f"{absent[0].signal}: {absent[0].message}"
        return "MetricsAvailable", "False", absent[0].reason or "NoData", text
    if any(e.signal != HEALTH for e in signals):
        return "MetricsAvailable", "True", "Measured", "every signal has data"
    return "MetricsAvailable", "Unknown", "NotMeasured", "no candidate is judged now"


def condition(
    o: Observed, before: list[Condition], kind: str, value: str, reason: str, message: str
) -> Condition:
    """Return a condition, with the time at which its status last changed."""
    old = next((c for c in before if c.type == kind), None)
    same = old is not None and old.status == value
    return Condition.model_validate(
        {
            "type": kind,
            "status": value,
            "reason": reason,
            "message": capped(message),
            "lastTransitionTime": old.last_transition_time if old and same else rfc3339(o.now),
            "observedGeneration": o.generation,
        }
    )
