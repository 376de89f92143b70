"""Execute: status first, guarded by resourceVersion, then traffic, then the rest, Events last.

Each write is made only where the cluster differs from the decision. A crash between any two leaves
a status from which the same decision follows again. One refused object stops no other: all are
tried, and the worst of what went wrong is raised at the end.
Neighbours: `writes` guards each write; `revisions`, `checking`, `resolving`
and `events` know what to write.
"""

import logging
from collections.abc import Callable

from ...adapters.kubernetes import Kubernetes, TooLarge
from ...api.config.operator import OperatorConfig
from ...api.spec import ModelDeploymentSpec
from ...api.status import ModelDeploymentStatus
from ...core.decision import Decision
from ...core.objects.build import Object
from ...routers import for_spec
from ..observing.cache import Cache
from ..observing.observe import Snapshot
from .checking import Tried, check
from .events import Events
from .resolving import resolve
from .revisions import remove, write_records, write_revision
from .writes import Attempts, Rewritten, Writer

log = logging.getLogger(__name__)


def _uncounted(decision: Decision) -> None:
    return


Recorded = Callable[[Snapshot, ModelDeploymentStatus], None]


def unrecorded(snapshot: Snapshot, status: ModelDeploymentStatus) -> None:
    """What a look tells where there is no registry: nothing."""


class Executor:
    """Brings the cluster to what a decision asks for."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        cache: Cache,
        config: OperatorConfig,
        counted: Callable[[Decision], None] = _uncounted,
        recorded: Recorded = unrecorded,
    ) -> None:
        """`counted` is told each decision whose status is in the cluster, `recorded` the status."""
        self._counted = counted
        self._recorded = recorded
        self._kubernetes = kubernetes
        self._cache = cache
        self._config = config
        self._events = Events()
        self._rewritten = Rewritten()
        self._tried = Tried()

    async def execute(self, snapshot: Snapshot, decision: Decision) -> None:
        """Write what differs.

        Raises:
            Conflict: something changed since it was read; the writes before it stand.
            KubernetesError: a write failed; all others were tried, unless it was the status's.
        """
        await self.write_status(snapshot, decision.status)
        self._counted(decision)
        self._recorded(snapshot, decision.status)
        for transition in decision.transitions:
            about = {
                "resource": f"{snapshot.owner.namespace}/{snapshot.owner.name}",
                "revision": transition.revision,
                "reason": transition.reason,
            }
            log.info("%s", transition.message, extra=about)
        attempts = Attempts()
        try:
            if snapshot.observed.spec is not None:
                await self._objects(attempts, snapshot, snapshot.observed.spec, decision)
        finally:  # what the status says has happened is told, though the operator may not lead now
            for event in self._events.of(snapshot, decision):
                await attempts.make(self._kubernetes.create_event(snapshot.owner.namespace, event))
        attempts.raise_worst()

    async def write_status(self, snapshot: Snapshot, status: ModelDeploymentStatus) -> None:
        """Write the status if it differs. Raises: Conflict, KubernetesError.

        A status is kept small, but one of an earlier version may not be. What nothing depends on is
        given up before a rollback is held up for it: past transitions, and evidence.
        """
        if status == snapshot.observed.status:
            return
        try:
            written = await self._kubernetes.replace_status(snapshot.mdep, _body(status))
        except TooLarge as error:
            about = {"resource": f"{snapshot.owner.namespace}/{snapshot.owner.name}"}
            log.warning("written without history and evidence: %s", error, extra=about)
            short = status.model_copy(update={"history": [], "signals": []})
            written = await self._kubernetes.replace_status(snapshot.mdep, _body(short))
        self._cache.put(written)

    async def _objects(
        self,
        attempts: Attempts,
        snapshot: Snapshot,
        spec: ModelDeploymentSpec,
        decision: Decision,
    ) -> None:
        writer = Writer(self._kubernetes, self._cache, snapshot, self._rewritten)
        held = await _traffic(attempts, writer, snapshot, spec, decision)
        await check(attempts, writer, self._tried, snapshot, spec, decision)
        await write_records(attempts, writer, snapshot, decision)
        for revision in decision.replicas:
            await write_revision(
                attempts,
                writer,
                snapshot,
                spec,
                self._config,
                revision,
                decision,
                only_up=revision in held,
            )
        await remove(attempts, writer, snapshot, decision, held)
        await resolve(attempts, writer, snapshot, spec, self._config, decision)


def _body(status: ModelDeploymentStatus) -> Object:
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


async def _traffic(
    attempts: Attempts,
    writer: Writer,
    snapshot: Snapshot,
    spec: ModelDeploymentSpec,
    decision: Decision,
) -> frozenset[str]:
    """Move the traffic; return the revisions that have some which could not be moved.

    They lose nothing before it is.
    """
    router, stable = for_spec(spec), decision.status.stable
    pinned = stable.revision if stable is not None else None
    for obj in router.objects(snapshot.owner, decision.weights, pinned, decision.testers):
        if obj["kind"] == "HTTPRoute":
            await attempts.make(writer.turn(obj))
        await attempts.make(writer.apply(obj))
    if not attempts.errors:
        for kind in router.unwanted():
            await attempts.make(writer.delete(kind, snapshot.owner.name))
        return frozenset()
    ready = {name: state.ready for name, state in snapshot.observed.revisions.items()}
    given = router.weights(snapshot.owner, snapshot.live, ready)
    return frozenset(given) if given != dict(decision.weights) else frozenset()
