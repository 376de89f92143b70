"""Whether the traffic really is as a step asks, and who would get some by mistake."""

from ...api.spec import ModelDeploymentSpec
from ..observed import Observed
from ..state import Trying


def reached(o: Observed, spec: ModelDeploymentSpec, state: Trying) -> bool:
    """Tell whether the traffic really is as the step asks.

    By pod counts a weight is only approached; there it is enough that both, or only the
    candidate, have traffic.
    """
    if o.route is not None and o.route.accepted is False:
        return False  # no Gateway carries it: the weights are only written down
    candidate = state.candidate
    share = o.share(candidate.revision)
    if o.revision(state.stable.revision).ready == 0:
        return share >= candidate.weight  # the safety net gave it the dead stable's share as well
    if spec.traffic.router == "gateway":
        return share == candidate.weight
    return (share > 0) == (candidate.weight > 0) and (share == 100) == (candidate.weight == 100)


def others_answer(o: Observed, spec: ModelDeploymentSpec, state: Trying) -> bool:
    """Tell whether pods of a third revision would get traffic, were the Service opened to all.

    One that has some already, beside a stable that is dead, has it on purpose.
    """
    known = {state.stable.revision, state.candidate.revision}
    return spec.traffic.router == "replicas" and any(
        revision.ready and not o.share(name)
        for name, revision in o.revisions.items()
        if name not in known
    )
