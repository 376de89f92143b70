"""One resolver pod while an alias of the spec isn't resolved, else none.

Neighbours: `core.objects.resolver` builds the pod and reads its answer, `observe` takes it.
"""

from ..adapters.kubernetes import Refused
from ..api.config import OperatorConfig
from ..api.spec import ModelDeploymentSpec
from ..core.decision import Decision
from ..core.objects.resolver import LABEL_RESOLVES, resolver_pod
from ..core.objects.revision import content_key, needs_resolving
from ..core.objects.template import UnknownPool
from .observe import Snapshot
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
    pods = {
        name: obj["metadata"]["labels"].get(LABEL_RESOLVES)
        for (kind, name), obj in snapshot.live.items()
        if kind == "Pod" and LABEL_RESOLVES in obj["metadata"]["labels"]
    }
    key = content_key(spec) if needs_resolving(spec, decision.status.pins) else None
    for name, resolves in pods.items():
        if resolves != key:
            await attempts.make(writer.delete("Pod", name))
    if key is not None and key not in pods.values():
        await attempts.make(_create(writer, snapshot, spec, config))


async def _create(
    writer: Writer, snapshot: Snapshot, spec: ModelDeploymentSpec, config: OperatorConfig
) -> None:
    try:
        pod = resolver_pod(snapshot.owner, spec, config)
    except UnknownPool as error:
        raise Refused(str(error)) from error
    await writer.create_pod(pod)
