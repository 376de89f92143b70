"""One resolver pod while an alias of the spec isn't resolved, else none.

Neighbours: `core.objects.resolver` builds the pod and reads its answer, `observe` takes it.
"""

from ...adapters.kubernetes import Refused
from ...api.config import OperatorConfig
from ...api.spec import ModelDeploymentSpec
from ...core.decision import Decision
from ...core.objects.resolver import resolver_change, resolver_pod
from ...core.objects.revision import needs_resolving
from ...core.objects.template import ForbiddenPath, UnknownPool
from ..observing.observe import Snapshot
from .writes import Attempts, Writer


async def resolve(
    attempts: Attempts,
    writer: Writer,
    snapshot: Snapshot,
    spec: ModelDeploymentSpec,
    config: OperatorConfig,
    decision: Decision,
) -> None:
    """Make the pod that is needed, and take away those that aren't."""
    needed = needs_resolving(spec, decision.status.pins)
    change = resolver_change(snapshot.owner, snapshot.live, spec, needed, snapshot.observed.now)
    for name in change.remove:
        await attempts.make(writer.delete("Pod", name))
    if change.make is not None:
        await attempts.make(_create(writer, snapshot, spec, config, change.make))


async def _create(
    writer: Writer, snapshot: Snapshot, spec: ModelDeploymentSpec, config: OperatorConfig, name: str
) -> None:
    try:
        pod = resolver_pod(snapshot.owner, spec, config, name)
    except (UnknownPool, ForbiddenPath) as error:
        raise Refused(str(error)) from error
    await writer.create_pod(pod)
