"""Conditions: what tools wait for and alert on. Each has a reason of one word, and a message."""

from ...api.spec import ModelDeploymentSpec
from ...api.status import Condition, Phase
from ..objects.resolver import RESOLVING
from ..observed import NOT_SAID, Observed, Problem, Route, Scaling
from ..plan.plan import Plan
from ..signals.baseline import absent
from ..signals.evidence import capped, listed, warns
from ..signals.health import NAME as HEALTH
from ..state import Rollout, Trying
from ..times import rfc3339
from .kstatus import KINDS, Standing, standing
from .phase import serving


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
        _accepted(o, rollout),
        _available(o, plan),
        _progressing(rollout, phase, message),
        _metrics_available(rollout),
        _weight_reached(o, spec, rollout),
        _dependencies_match(rollout),
        *words_of(standing(o, spec, rollout, phase, message)),
    ]
    if spec.traffic.router == "gateway":
        said.append(_route_accepted(o))
    if spec.autoscaling is not None:
        said.append(_scaling_active(o, rollout))
    return [condition(o, rollout.rest.conditions, *words) for words in said]


Words = tuple[str, str, str, str]  # type, status, reason, message


def _accepted(o: Observed, rollout: Rollout) -> Words:
    if o.problem is None:
        followed, text = rollout.rest.followed, "the spec is understood"
        if followed is not None and followed.problem is not None:
            text += f"; aliases could not be looked up at {followed.at}: {followed.problem}"
        return "Accepted", "True", "Pinned", text
    return "Accepted", accepted(o.problem), o.problem.reason, o.problem.message


def accepted(problem: Problem) -> str:
    """Return what a problem says of the spec: nothing yet, while its versions are looked up."""
    return "Unknown" if problem.reason == RESOLVING else "False"


def _available(o: Observed, plan: Plan) -> Words:
    if o.route is not None and o.route.accepted is False:
        return "Available", "False", "RouteNotAccepted", o.route.message
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
    candidate = rollout.candidate
    if candidate is not None and candidate.asked_at is not None and value == "True":
        reason = "WaitingForApproval"
    return "Progressing", value, reason, message


def _metrics_available(rollout: Rollout) -> Words:
    signals = rollout.rest.signals if rollout.candidate is not None else []
    if missing := absent(signals):
        text = f"{missing[0].signal}: {missing[0].message}"
        return "MetricsAvailable", "False", missing[0].reason or "NoData", text
    if any(e.signal != HEALTH for e in signals):
        warning = [f"{e.signal}: {e.message}" for e in signals if warns(e)]
        text = "; warning: ".join(["every signal has data", *warning])
        return "MetricsAvailable", "True", "Measured", text
    return "MetricsAvailable", "Unknown", "NotMeasured", "no candidate is judged now"


def _dependencies_match(rollout: Rollout) -> Words:
    """Tell whether the models run with the libraries that they were made with."""
    revisions = [r for r in (rollout.stable, rollout.candidate) if r is not None]
    differ = {
        f"{model.name} {model.version}": model.name
        for revision in revisions
        for model in revision.models
        if model.name in (revision.differing or [])
    }
    if differ:
        where = f"/api/v1/models/{next(iter(differ.values()))}/info"
        text = f"{listed(list(differ))}: made with other versions of libraries than run it"
        return "DependenciesMatch", "False", "Differ", f"{text}; {where} says which"
    if revisions and all(revision.differing is not None for revision in revisions):
        text = "the models run with the libraries that they were made with"
        return "DependenciesMatch", "True", "Match", text
    text = "not known: the servers' figures are asked for while a version is tried"
    return "DependenciesMatch", "Unknown", "NotMeasured", text


def _route_accepted(o: Observed) -> Words:
    if o.route is None or o.route.accepted is None:
        said = o.route or Route(None)
        return "RouteAccepted", "Unknown", said.reason or "NotSaid", said.message or NOT_SAID
    if o.route.accepted:
        return "RouteAccepted", "True", "Accepted", o.route.message or "the Gateways carry it"
    return "RouteAccepted", "False", o.route.reason or "NotAccepted", o.route.message


def _scaling_active(o: Observed, rollout: Rollout) -> Words:
    """Tell whether the autoscalers of stable and candidate do their work, and which one doesn't."""
    asked = [r.revision for r in (rollout.stable, rollout.candidate) if r is not None]
    said = [o.scalings.get(revision, Scaling(None)) for revision in asked]
    if still := next((scaling for scaling in said if scaling.active is False), None):
        return "ScalingActive", "False", still.reason, still.message
    if said and said[0].active:
        return "ScalingActive", "True", "Active", "the pods follow the load"
    return "ScalingActive", "Unknown", "NotSaid", "the autoscaler has reported nothing yet"


def _weight_reached(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Words:
    """Tell whether the candidate has the percent that its step asks for, and if not, why not."""
    state = rollout.state
    if not isinstance(state, Trying) or state.candidate.weight == 0:
        return "WeightReached", "Unknown", "NoWeight", "no candidate is to have traffic now"
    asked, has = state.candidate.weight, o.share(state.candidate.revision)
    if o.route is not None and o.route.accepted is False:
        return "WeightReached", "False", "RouteNotAccepted", o.route.message
    if asked == has:
        return "WeightReached", "True", "AsAsked", f"the candidate has {has} %"
    text = f"the step asks for {asked} %, the candidate has {has} %"
    if o.revision(state.stable.revision).ready == 0:
        return "WeightReached", "False", "StableDown", f"{text}: the stable has no ready pod"
    if spec.traffic.router == "replicas" and 0 < has < 100:
        mine, theirs = (o.revision(r.revision).ready for r in (state.candidate, state.stable))
        text += f", {mine} of {mine + theirs} ready pods; router gateway gives exact weights"
        return "WeightReached", "False", "PodCounts", text
    return "WeightReached", "False", "Moving", text


def words_of(stands: Standing) -> list[Words]:
    """Return Ready, Reconciling and Stalled."""
    return [(k, str(k == stands.kind), stands.reason, stands.message) for k in KINDS]


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
