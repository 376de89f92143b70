"""One resolver pod while versions aren't known, or aliases are looked up again; else none.

Neighbours: `core.objects.resolver` builds the pod and reads its answer, `observe` takes it.
"""

from ...adapters.kubernetes import Refused
from ...api.config.operator import OperatorConfig
from ...api.spec import ModelDeploymentSpec
from ...core.decision import Decision
from ...core.objects.resolver import resolver_change, resolver_pod
from ...core.objects.revision import asked, contents, known_revisions
from ...core.objects.unbuildable import Unbuildable
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
    o, pins = snapshot.observed, decision.status.pins
    needed = (
        decision.look_up or asked(spec, pins, known_revisions(decision.status, o.records)) is None
    )
    known = contents(spec, pins, o.records)
    change = resolver_change(snapshot.owner, snapshot.live, spec, known, needed, o.now)
    for name in change.remove:
        await attempts.make(writer.delete("Pod", name))
    if change.make is not None:
        await attempts.make(_create(writer, snapshot, spec, config, change.make))


async def _create(
    writer: Writer, snapshot: Snapshot, spec: ModelDeploymentSpec, config: OperatorConfig, name: str
) -> None:
    try:
        pod = resolver_pod(snapshot.owner, spec, config, name)
    except Unbuildable as error:
        raise Refused(str(error)) from error
    await writer.create_pod(pod)
