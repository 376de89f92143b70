"""What is wrong with the candidate's pods, counted over evaluations. The signal `health` judges it.

Two counts. Evaluations in a row in which a pod isn't ready or has restarted: one good one ends
them. And restarts that add up, which no good evaluation ends: a version that is killed for memory
every few minutes is ready most of the time. A restart of long ago is forgotten (FORGET_SECONDS).
A pod that was evicted, preempted or drained, or whose node was lost, says nothing of what it runs,
and isn't counted; nor is the one that comes up in its place, nor one that Kubernetes has yet to
create, until `progressDeadline`.
"""

from ...api.duration import seconds
from ...api.spec import ModelDeploymentSpec
from ...api.status import CandidateStatus
from ..observed import Observed
from ..signals.evidence import Pods
from ..times import epoch, rfc3339

FORGET_SECONDS = 3600.0  # in which one restart is forgotten: one an hour is borne for ever


def count_failures(
    o: Observed, spec: ModelDeploymentSpec, candidate: CandidateStatus
) -> tuple[CandidateStatus, Pods]:
    """Count what is wrong with the candidate's pods at this evaluation.

    Expected are the pods that the weight was given to, or what was asked of its Deployment since if
    that is less: the spec's replicas or router may have been edited, and an autoscaler may save.
    Before the first share pods that aren't ready are what `advance` waits for.
    """
    state = o.revision(candidate.revision)
    expected = min(candidate.pods, max(1, state.replicas))
    short = max(0, expected - state.ready)
    replaced = sum(pod.disrupted or pod.starting for pod in state.pods if not pod.ready)
    replaced += max(0, expected - len(state.pods))
    since = (candidate.short_since or rfc3339(o.now)) if short and replaced >= short else None
    late = since is not None and o.now - epoch(since) >= seconds(spec.rollout.progress_deadline)
    restarted = state.restarts > candidate.restarts
    unwell = (short > 0 and since is None) or late or restarted
    failures = (candidate.health_failures + 1 if unwell else 0) if candidate.step else 0
    burden = round(_faded(o, candidate) + (1.0 if restarted else 0.0), 3)
    candidate = candidate.model_copy(
        update={
            "health_failures": failures,
            "restarts": state.restarts,
            "restart_burden": burden,
            "short_since": since,
        }
    )
    return candidate, Pods(
        ready=state.ready,
        expected=expected,
        restarts=state.restarts,
        failures=failures,
        count=len(state.pods),
        why=state.why_not_ready,
        burden=burden,
        replaced=short if since is not None else 0,
    )


def _faded(o: Observed, candidate: CandidateStatus) -> float:
    """Return the restarts that still count: one less for each FORGET_SECONDS that have passed."""
    since = candidate.evaluated_at or candidate.started_at
    passed = max(0.0, o.now - epoch(since))
    return max(0.0, candidate.restart_burden - passed / FORGET_SECONDS)
