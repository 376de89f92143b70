"""The plan of one decision: who gets which share of the traffic, and how many pods carry it.

Made once, after the rules. Order matters on the way: pods come up before the traffic does, and go
down only when the weights have been as they are for the time of draining. With `autoscaling` the
numbers are the least that each revision's autoscaler may choose
(docs/decisions/0009-autoscaling.md, 0027-one-allotment.md).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...api.duration import seconds
from ...api.spec import ModelDeploymentSpec
from ...api.status import CandidateStatus
from ..observed import Observed
from ..state import Empty, First, Retreating, Rollout, State, Steady, Trying
from ..times import epoch
from .allot import Weights, allot
from .drained import drained_at, moved_at
from .shared import is_shared, shared_pods, shared_room, shared_targets, spared, stables_room
from .size import full_size
from .steps import next_step, pods_for, standby_pods, steps_of

# An autoscaler's recommendations of this long ago still count; those from before a revision took
# the traffic over are of a smaller load. Kubernetes' default of --horizontal-pod-autoscaler-
# downscale-stabilization.
STABILIZATION_SECONDS = 300.0


@dataclass(frozen=True)
class Plan:
    """`weights`, `replicas`, `limits`, `keep` and `testers` as in `Decision`.

    `full` is how many pods carry all traffic; `looks` are the times at which pods that stay up for
    the sake of draining may go, in epoch seconds.
    """

    weights: dict[str, int] = field(default_factory=dict)
    replicas: dict[str, int] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    keep: frozenset[str] = frozenset()
    testers: str | None = None
    full: int = 1
    looks: tuple[float, ...] = ()


def make_plan(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Plan:
    """Return what traffic and pods follow from the state."""
    state = rollout.state
    full = full_size(o, spec, state)
    given = {name: share for name, share in o.traffic.items() if share > 0}
    wish = _wish(state)
    sharing = is_shared(spec) and isinstance(state, Trying)
    room = shared_room(o, spec, state, full) if isinstance(state, Trying) and sharing else {}
    weights = allot(wish, _room(o, spec, state, full, given) | room, given or wish)
    drained = drained_at(spec, rollout)
    calm = moved_at(rollout) + STABILIZATION_SECONDS
    moving = set(weights) != set(given)
    testers = _testers(o, spec, state, weights)
    if spec.traffic.router == "gateway":  # by pod counts the shares are approximate
        moving = weights != given or testers != o.testers
    replicas: dict[str, int] = {}
    looks = []
    targets = _targets(o, spec, state, full, weights)
    rejected = rollout.rest.rejected
    if rejected is not None and _kept_until(o, spec, rollout) is not None:
        targets.setdefault(rejected.revision, 1)
    for name, pods in targets.items():
        have = o.revision(name).replicas
        carries = weights.get(name, 0) > 0 or given.get(name, 0) > 0
        scaled = spec.autoscaling is not None and carries and name != _left(o, state, full)
        until = calm if scaled else drained
        if pods < have and (moving or until > o.now):
            looks.append(until)
            pods = have
        replicas[name] = pods
    if isinstance(state, Trying) and sharing:
        replicas |= shared_pods(o, spec, state, full, replicas)
    if (kept := _kept_until(o, spec, rollout)) is not None:
        looks.append(kept)
    others = set(o.revisions) - set(replicas)
    draining = drained > o.now or rollout.rest.untaken
    led = {o.testers, *given, *weights}
    keep = {name for name in others if name in led or draining}
    if keep:
        looks.append(drained)
    return Plan(
        weights=weights,
        replicas=replicas,
        limits=_limits(spec, state, replicas),
        keep=frozenset(keep),
        testers=testers,
        full=full,
        looks=tuple(looks),
    )


def _kept_until(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> float | None:
    """Return until when one pod of what was rejected is kept to be looked at, if it is now."""
    rejected = rollout.rest.rejected
    if rejected is None or not isinstance(rollout.state, Steady):
        return None
    until = epoch(rejected.time) + seconds(spec.rollout.keep_rejected)
    gone = rejected.revision == rollout.state.stable.revision or not o.revisions.get(
        rejected.revision
    )
    return until if until > o.now and not gone else None


def _left(o: Observed, state: State, full: int) -> str | None:
    """Return the revision that loses its traffic for good, once the stable has been scaled.

    Its load only falls, so what its autoscaler says of earlier counts for nothing, and the stable's
    pods may need its room. Until then its size is what tells how many there must be.
    """
    if not isinstance(state, Retreating):
        return None
    scaled = o.revision(state.stable.revision).replicas >= full
    return state.source.revision if scaled else None


def _testers(o: Observed, spec: ModelDeploymentSpec, state: State, weights: Weights) -> str | None:
    """Return whom requests with `candidateHeader` are led to: the candidate, once that can answer.

    As soon as gateways know a pod of it, whatever its weight. Without pods testers get what all
    others get.
    """
    if spec.traffic.candidate_header is None or not isinstance(state, Trying):
        return None
    name = state.candidate.revision
    pods = o.revision(name)
    known = pods.known_at(o.now, seconds(spec.traffic.settle)) is None or o.testers == name
    return name if pods.ready and known and weights.get(name) != 100 else None


def _wish(state: State) -> dict[str, int]:
    """Return who shall have which percent, if everybody could carry it."""
    match state:
        case Empty():
            return {}
        case First(revision):
            return {revision.revision: 100}
        case Steady(stable) | Retreating(stable):
            return {stable.revision: 100}
        case Trying(stable, candidate):
            return {stable.revision: 100 - candidate.weight, candidate.revision: candidate.weight}


def _room(
    o: Observed, spec: ModelDeploymentSpec, state: State, full: int, given: Weights
) -> dict[str, int]:
    """Return the percent of all traffic that the ready pods of each revision can carry.

    The order is who takes over what another one can't: the stable, then whoever has traffic beside
    it while it is dead, then the candidate, which isn't judged yet, last what is being left.
    """
    room: dict[str, int] = {}

    def beside(*known: str) -> dict[str, int]:
        return {  # one lost pod moves no traffic here either
            name: max(_carried(o, name, full), given[name])
            for name in given
            if name not in room and name not in known and o.revision(name).ready
        }

    match state:
        case Empty():
            pass
        case First(revision):
            room[revision.revision] = _carried(o, revision.revision, full)
        case Steady(stable):
            room[stable.revision] = _carried(o, stable.revision, full)
        case Trying(stable, candidate):
            room[stable.revision] = _carried(o, stable.revision, full)
            room |= beside(candidate.revision)
            room[candidate.revision] = _candidates_room(o, candidate, full)
        case Retreating(stable, source, waiting):
            room[stable.revision] = _carried(o, stable.revision, full)
            if is_shared(spec):
                room[stable.revision] = stables_room(o, spec, stable.revision, full)
            if room[stable.revision] and (source.hurried or not source.paced):
                room[stable.revision] = 100
            if waiting is None:
                room |= beside(source.revision)
            else:
                room |= beside(source.revision, waiting.revision)
                room[waiting.revision] = _carried(o, waiting.revision, full)
                if room[stable.revision]:
                    room[waiting.revision] = 0  # it is not tried before its turn
    last = {n: _carried(o, n, full) for n in given if n not in room and o.revision(n).ready}
    return room | last


def _carried(o: Observed, revision: str, full: int) -> int:
    ready = o.revision(revision).ready
    return min(100, max(1, 100 * ready // full)) if ready else 0


def _candidates_room(o: Observed, candidate: CandidateStatus, full: int) -> int:
    """A weight was given to so many pods: with those it can carry it, also where that is rounded,
    or a person wanted it with fewer."""
    carried = _carried(o, candidate.revision, full)
    if candidate.pods and o.revision(candidate.revision).ready >= candidate.pods:
        return max(carried, candidate.weight)
    return carried


def _targets(
    o: Observed, spec: ModelDeploymentSpec, state: State, full: int, weights: Weights
) -> dict[str, int]:
    """Return revision → pods that the weights, and what may soon follow, ask for."""
    match state:
        case Empty():
            return {}
        case First(revision):
            return {revision.revision: spec.pods}
        case Steady(stable):
            return {stable.revision: spec.pods}
        case Trying(stable, candidate):
            if is_shared(spec):
                return shared_targets(o, spec, state, full, weights)
            return {
                stable.revision: _stable_pods(state, full, weights),
                candidate.revision: _candidate_pods(o, spec, state, candidate, full, weights),
            }
        case Retreating(stable, source, waiting):
            share = weights.get(source.revision, 0)
            pods = {stable.revision: full}
            if share or o.share(source.revision):
                # It shrinks with its share: the stable may need the room.
                needed = max(1, math.ceil(full * share / 100))
                pods[source.revision] = spared(spec, full, share) if is_shared(spec) else needed
            if waiting is not None:
                pods[waiting.revision] = _candidate_pods(o, spec, state, waiting, full, weights)
            return pods


def _stable_pods(state: Trying, full: int, weights: Weights) -> int:
    """All pods while it may have to carry everything; less once it is a standby."""
    standby = state.candidate.weight == 100 and not state.candidate.forced
    if standby and not weights.get(state.stable.revision):
        return standby_pods(full)
    return full


def _candidate_pods(
    o: Observed,
    spec: ModelDeploymentSpec,
    state: Trying | Retreating,
    candidate: CandidateStatus,
    full: int,
    weights: Weights,
) -> int:
    if candidate.weight == 100 and spec.autoscaling is not None:
        return spec.pods  # it carries everything, and its autoscaler sees how much that is
    if o.revision(state.stable.revision).ready == 0:
        return full  # there is nobody else
    weight = max(candidate.weight, weights.get(candidate.revision, 0))
    steps = steps_of(spec, candidate)
    following = next_step(steps, candidate)
    coming_up = candidate.step == 0 or candidate.waiting_since or candidate.forced
    if following is not None and coming_up:
        weight = max(weight, steps[following - 1].weight)
    return pods_for(spec, weight, full)


def _limits(spec: ModelDeploymentSpec, state: State, replicas: Mapping[str, int]) -> dict[str, int]:
    """Return revision → the most pods that its autoscaler may choose; nothing without one.

    By pod counts a candidate that needs more CPU would get more traffic for it: there it stays at
    its planned size until it has all of the traffic. A rejected one shrinks, whatever its load.
    """
    if spec.autoscaling is None:
        return {}
    limits = {name: max(spec.autoscaling.max, pods) for name, pods in replicas.items()}
    fixed: str | None = None
    match state:
        case Trying(_, candidate) if candidate.weight < 100 and spec.traffic.router == "replicas":
            fixed = candidate.revision
        case Retreating(_, source):
            fixed = source.revision
        case Steady(stable):
            fixed = next((name for name in replicas if name != stable.revision), None)
        case _:
            pass
    if fixed is not None and fixed in replicas:
        limits[fixed] = replicas[fixed]
    return limits
