"""How many pods carry all of the traffic at present."""

from ...api.spec import ModelDeploymentSpec
from ..observed import Observed
from ..state import Empty, First, Retreating, State, Steady, Trying


def full_size(o: Observed, spec: ModelDeploymentSpec, state: State) -> int:
    """Return how many pods carry all of the traffic at present.

    With `autoscaling` that is what its autoscaler made of the stable, which keeps its size below
    100 %, or of the revision that took all traffic over: today's load, not the minimum, is what a
    candidate or a standby must be able to carry. On the way back, and while a dead candidate's
    share is with the standby, the larger one still tells what that load is.
    """
    if spec.autoscaling is None:
        return spec.pods
    carrying = {name for name, share in o.traffic.items() if share > 0}
    took_over, stable = _took_over(state)
    if took_over is not None:
        carrying.add(took_over)
    elif stable in carrying:
        carrying = {stable}
    sizes = [o.revision(name).replicas for name in carrying]
    return min(spec.autoscaling.max, max([spec.pods, *sizes]))


def _took_over(state: State) -> tuple[str | None, str]:
    """Return the revision beside the stable that has, or on the way back had, all traffic."""
    match state:
        case Empty():
            return None, ""
        case First(revision):
            return None, revision.revision
        case Steady(stable):
            return None, stable.revision
        case Trying(stable, candidate):
            return candidate.revision if candidate.weight == 100 else None, stable.revision
        case Retreating(stable, source):
            return source.revision if source.paced else None, stable.revision
