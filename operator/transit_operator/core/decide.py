"""The decision: observed → next status and the state of the world it asks for.

The order of the rules is the order of the lines in `decide`: a command wins over the spec, the spec
over the analysis, the analysis over taking a step. The plan of traffic and pods is made once, from
the state that results, so that a crash after writing it loses nothing; the words come last, and no
rule reads them.
"""

from ..api.duration import seconds
from ..api.spec import ModelDeploymentSpec
from ..api.status import Pins
from .decision import Decision
from .objects.revision import content_key
from .observed import Observed
from .plan.plan import Plan, make_plan
from .rules.absence import forgive_absence
from .rules.advance import advance
from .rules.aliases import follow_aliases, has_moved, look_at, look_due
from .rules.checks import GRACE_SECONDS
from .rules.commands import handle
from .rules.evaluate import evaluate, next_evaluation
from .rules.follow import follow_spec
from .rules.patience import waits_until
from .rules.recover import recover
from .rules.retired import warn_of_deprecated, without_archived
from .rules.retreat import retreat_deadline
from .rules.traffic import see_traffic
from .state import First, Retreating, Rollout, Trying, from_status, to_status
from .times import epoch
from .words.describe import describe, describe_unaccepted
from .words.phase import first_deadline


def decide(o: Observed) -> Decision:
    """Return what shall be. Pure: the same observed value gives the same decision."""
    spec, rollout = o.spec, recover(o, see_traffic(o, from_status(o.status, o.now)))
    o = without_archived(o, rollout)
    if spec is None or (o.wanted is None and rollout.stable is None):
        return Decision(
            status=describe_unaccepted(o, rollout),
            weights=dict(o.traffic),
            testers=o.testers,
            keep=frozenset(o.revisions),
            rejected={name: record.rejected for name, record in o.records.items()},
            wake_at=o.problem.look_again if o.problem is not None else None,
        )
    rollout = forgive_absence(o, spec, rollout.but(pins=_pins(o, spec)))
    rollout = handle(o, spec, rollout)
    rollout = follow_aliases(o, spec, rollout)
    o = without_archived(o, rollout)  # once more: the command retry forgets what was rolled back
    rollout = warn_of_deprecated(o, follow_spec(o, spec, rollout))
    rollout = evaluate(o, spec, rollout)
    rollout = advance(o, spec, rollout)
    plan = make_plan(o, spec, rollout)
    rejected = rollout.rest.rejected
    return Decision(
        status=describe(o, spec, rollout, plan),
        weights=plan.weights,
        replicas=plan.replicas,
        limits=plan.limits,
        keep=plan.keep,
        testers=plan.testers,
        transitions=rollout.told,
        wake_at=_wake_at(o, spec, rollout, plan),
        rejected={rejected.revision: rejected.reason} if rejected is not None else {},
        look_up=look_due(o, spec, rollout),
    )


def _pins(o: Observed, spec: ModelDeploymentSpec) -> Pins | None:
    """Return what the versions of this spec mean. What those of an earlier one meant is forgotten.

    So the same alias, asked for again after another spec, is looked up anew.
    """
    pins = o.pins
    return pins if pins is not None and pins.key == content_key(spec) else None


def _wake_at(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, plan: Plan) -> float | None:
    """Return the earliest time at which time alone changes the decision."""
    evaluation = next_evaluation(spec, to_status(rollout), o.now)
    if evaluation is not None and evaluation <= o.now and not o.asking:
        return o.now  # it fell due while all was read, so Prometheus was not asked: look again
    if has_moved(rollout):
        return o.now
    settle = seconds(spec.traffic.settle)
    times = [evaluation, *plan.looks, look_at(o, spec, rollout)]
    said = (o.problem, o.route, *o.scalings.values())
    times += [known.look_again for known in said if known is not None]
    times += [o.revision(name).known_at(o.now, settle) for name in plan.replicas]
    match rollout.state:
        case First(revision):
            times.append(first_deadline(spec, revision))
        case Trying(candidate=candidate):
            times.append(waits_until(spec, candidate))
            if candidate.checked_at and candidate.weight == 0:
                limits = [seconds(check.timeout) for check in spec.rollout.checks]
                times += [epoch(candidate.checked_at) + limit + GRACE_SECONDS for limit in limits]
        case Retreating() as state:
            times.append(retreat_deadline(spec, rollout, state))
        case _:
            pass
    later = [t for t in times if t is not None and t > o.now]
    return min(later, default=None)
