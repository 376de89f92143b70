"""The decision: observed → next status and the state of the world it asks for.

The order of the rules is the order of the lines in `decide`: a command wins over the spec, the spec
over the analysis, the analysis over taking a step. What traffic and pods follow is planned from the
status that results, so that a crash after writing it loses nothing.
"""

from ..api.duration import seconds
from ..api.spec import ModelDeploymentSpec
from ..api.status import ModelDeploymentStatus, Transition
from .decision import Decision
from .observed import Observed
from .plan.capacity import drained_at, kept_revisions, plan_limits, plan_replicas
from .plan.traffic import plan_weights
from .rules.advance import advance
from .rules.commands import handle
from .rules.evaluate import evaluate, next_evaluation
from .rules.follow import follow_spec
from .times import epoch
from .words.describe import describe, describe_unaccepted, first_deadline


def decide(o: Observed) -> Decision:
    """Return what shall be. Pure: the same observed value gives the same decision."""
    spec = o.spec
    if spec is None or (o.wanted is None and o.status.stable is None):
        status = describe_unaccepted(o)
        return Decision(
            status=status,
            weights=dict(o.traffic),
            keep=frozenset(o.revisions),
            transitions=_new(o, status),
        )
    status = handle(o, o.status.model_copy(update={"pins": o.pins}))
    status = follow_spec(o, status)
    status = evaluate(o, spec, status)
    status = advance(o, spec, status)
    status = describe(o, spec, status)
    replicas = plan_replicas(o, spec, status)
    keep = kept_revisions(o, status, replicas)
    return Decision(
        status=status,
        weights=plan_weights(o, spec, status),
        replicas=replicas,
        limits=plan_limits(spec, status, replicas),
        keep=keep,
        transitions=_new(o, status),
        wake_at=_wake_at(o, spec, status, keep),
    )


def _new(o: Observed, status: ModelDeploymentStatus) -> tuple[Transition, ...]:
    before = set(map(id, o.status.history))
    return tuple(t for t in status.history if id(t) not in before)


def _wake_at(
    o: Observed,
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    keep: frozenset[str],
) -> float | None:
    """Return the earliest time at which time alone changes the decision."""
    evaluation = next_evaluation(spec, status)
    if evaluation is not None and evaluation <= o.now and not o.asking:
        return o.now  # it fell due while all was read, so Prometheus was not asked: look again
    times = [evaluation, first_deadline(spec, status)]
    candidate = status.candidate
    times += [o.revision(r.revision).known_at(o.now) for r in (status.stable, candidate) if r]
    if candidate is not None and candidate.waiting_since is not None:
        deadline = seconds(spec.rollout.progress_deadline)
        times.append(epoch(candidate.waiting_since) + deadline)
    drains = keep or (candidate is not None and candidate.weight == 100)
    if drains:
        times.append(drained_at(o, status))
    later = [t for t in times if t is not None and t > o.now]
    return min(later, default=None)
