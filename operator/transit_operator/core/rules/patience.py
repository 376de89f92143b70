"""How long a candidate's pods are waited for: the clock of `rollout.progressDeadline`.

It runs while pods are missing that the next weight needs, and only then: not while something else
is waited for (gateways, Prometheus, checks), nor while what went before still drains, whose room
they may need. Waits add up, so one that comes up and dies again for ever has no new deadline each
time. More ready pods than before are progress: then it starts anew, so a candidate isn't rolled
back because the stable's autoscaler was busy meanwhile. Neighbour: `advance` asks at each look.
"""

from ...api.duration import human, seconds
from ...api.spec import ModelDeploymentSpec
from ...api.status import CandidateStatus
from ..observed import Observed
from ..plan.drained import drained_at
from ..state import Rollout, Trying
from ..times import epoch, rfc3339


def see_pods(
    o: Observed, spec: ModelDeploymentSpec, candidate: CandidateStatus, needed: int
) -> CandidateStatus:
    """Return the candidate with its clock stopped or running on, as its pods are now.

    What it has waited is forgotten when they have stayed ready as long as the deadline is.
    """
    since, ready_at = candidate.waiting_since, candidate.ready_at
    if since is None:
        return candidate
    ready = o.revision(candidate.revision).ready
    if ready < needed:
        again = {"waiting_since": rfc3339(o.now), "ready_at": None}
        return candidate if ready_at is None else candidate.model_copy(update=again)
    waited = candidate.waited_seconds
    if ready_at is None:
        waited, ready_at = waited + o.now - epoch(since), rfc3339(o.now)
    elif o.now - epoch(ready_at) >= seconds(spec.rollout.progress_deadline):
        waited = 0.0
    most = max(ready, candidate.most_ready)
    return candidate.model_copy(
        update={"waited_seconds": waited, "ready_at": ready_at, "most_ready": most}
    )


def missing_pods(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, state: Trying
) -> CandidateStatus:
    """Return the candidate with its clock running, from the beginning if there was progress."""
    candidate = state.candidate
    ready = o.revision(candidate.revision).ready
    since, waited = candidate.waiting_since or rfc3339(o.now), candidate.waited_seconds
    if ready > candidate.most_ready:
        since, waited = rfc3339(o.now), 0.0
    if o.now < drained_at(spec, rollout) and _others_drain(o, state):
        since = rfc3339(o.now)
    most = max(ready, candidate.most_ready)
    return candidate.model_copy(
        update={"waiting_since": since, "waited_seconds": waited, "most_ready": most}
    )


def all_ready(o: Observed, candidate: CandidateStatus) -> CandidateStatus:
    """Return the candidate as one that waits for something else than pods before its next step."""
    since = candidate.waiting_since or rfc3339(o.now)
    ready_at = candidate.ready_at or rfc3339(o.now)
    return candidate.model_copy(update={"waiting_since": since, "ready_at": ready_at})


def _others_drain(o: Observed, state: Trying) -> bool:
    """Tell whether a revision without a part and without traffic still has pods."""
    known = {state.stable.revision, state.candidate.revision}
    return any(r.pods and not o.share(n) for n, r in o.revisions.items() if n not in known)


def waits_until(spec: ModelDeploymentSpec, candidate: CandidateStatus) -> float | None:
    """Return when missing pods have failed the candidate, in epoch seconds; None: none are."""
    if candidate.waiting_since is None or candidate.ready_at is not None:
        return None
    limit = seconds(spec.rollout.progress_deadline)
    return epoch(candidate.waiting_since) + limit - candidate.waited_seconds


def too_late(
    o: Observed, spec: ModelDeploymentSpec, candidate: CandidateStatus, needed: int
) -> str:
    """Return why the pods have failed the candidate; empty while there is time."""
    until = waits_until(spec, candidate)
    if until is None or o.now < until:
        return ""
    pods = o.revision(candidate.revision)
    waited = candidate.waited_seconds + o.now - epoch(candidate.waiting_since or rfc3339(o.now))
    why = o.why_not_ready(candidate.revision) or "the cause is not known; see the pods' events"
    return f"{pods.ready} of {needed} pods ready after {human(waited)}: {why}"
