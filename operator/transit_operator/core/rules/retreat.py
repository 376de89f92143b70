"""End a retreat: when the traffic is back, when there is nowhere to go back to, when it hangs.

Neighbours: `changes.without_candidate` starts one; `plan.allot` sets its pace.
"""

from ...api.duration import human, seconds
from ...api.spec import ModelDeploymentSpec
from ...api.status import Phase
from ..observed import Observed
from ..plan.drained import drained_at
from ..state import Retreating, Rollout, State, Steady, Trying
from ..times import epoch, rfc3339
from ..words.text import models_text
from . import changes
from .changes import note


def retreat(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, state: Retreating) -> Rollout:
    """Return the rollout, out of the retreat if that is over."""
    stable, waiting = state.stable, state.waiting
    afterwards: State = Steady(stable, state.held)
    if waiting is not None:
        turn = waiting.model_copy(update={"started_at": rfc3339(o.now)})
        afterwards = Trying(stable, turn, state.held)
    if o.share(stable.revision) == 100:
        return note(
            o,
            rollout.to(afterwards),
            changes.ROLLED_BACK,
            f"all traffic is with {stable.revision} ({models_text(stable.models)})",
            phase=Phase.ROLLED_BACK if rollout.rest.rejected else Phase.STABLE,
            revision=stable.revision,
            weight=100,
        )
    if waiting is not None and _nowhere_to_go(o, state) and o.revision(waiting.revision).ready:
        return rollout.to(afterwards)
    if o.share(stable.revision) == 0 and not state.source.paced:
        # It carries nothing (any more): what comes back from the dead gets what it can carry.
        source = state.source.model_copy(update={"paced": True})
        state = Retreating(stable, source, waiting, state.held)
        rollout = rollout.to(state)
    if not state.source.hurried and o.now >= retreat_deadline(spec, rollout, state):
        return _stalled(o, spec, rollout, state)
    return rollout


def _nowhere_to_go(o: Observed, state: Retreating) -> bool:
    """Tell whether the stable is dead, so that the next one's turn is now.

    What was rolled back gives its share to the next one first, as `allot` has it. What was merely
    replaced keeps it, and the next one takes its steps beside it.
    """
    bad = state.source.rejected and o.share(state.source.revision) > 0
    return o.revision(state.stable.revision).ready == 0 and not bad


def retreat_deadline(spec: ModelDeploymentSpec, rollout: Rollout, state: Retreating) -> float:
    """Return until when the traffic must have moved on, in epoch seconds.

    The stable's pods may need room that what is being left gives free, which drains first.
    """
    begun = max(epoch(state.source.since), drained_at(spec, rollout))
    return begun + seconds(spec.rollout.progress_deadline)


def _stalled(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, state: Retreating
) -> Rollout:
    """The stable's pods don't come up: everything goes to those that are ready, never to none."""
    stable = o.revision(state.stable.revision)
    cause = o.why_not_ready(stable.name)
    why = f": {cause}" if cause else ""
    then = "they get all traffic" if stable.ready else "the first one gets all traffic"
    waited = human(seconds(spec.rollout.progress_deadline))
    source = state.source.model_copy(update={"hurried": True})
    return note(
        o,
        rollout.to(Retreating(state.stable, source, state.waiting, state.held)),
        changes.ROLLBACK_STALLED,
        f"{stable.ready} of {stable.replicas} pods of {stable.name} are ready, none more in"
        f" {waited}{why}; {then}",
        phase=Phase.ROLLING_BACK,
        revision=stable.name,
    )
