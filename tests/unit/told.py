"""A world each look of which is told to those outside, as the executor tells them."""

from typing import Any, Protocol

from tests.unit.world import World
from transit_operator.api.status import ModelDeploymentStatus
from transit_operator.core.objects.build import Owner
from transit_operator.runtime.observing.observe import Snapshot


class Sees(Protocol):
    """Who is told: an outbox, or all of them."""

    def see(self, snapshot: Snapshot, status: ModelDeploymentStatus) -> None: ...


class Told(World):
    """A ModelDeployment, with whoever leads as `outbox`: one after the other."""

    def __init__(
        self, outbox: Sees, name: str = "kepler", namespace: str = "ml", **world: Any
    ) -> None:
        super().__init__(**world)
        self.outbox = outbox
        self.owner = Owner(namespace, name, f"uid-{name}")
        self.authored = "2001-09-09T01:00:00Z"  # before this world begins

    def reconcile(self) -> Any:
        observed = self.observed()
        decision = super().reconcile()
        who = {"spec": "argocd-controller", "action": "transit-cli"}
        authors = {part: {"manager": m, "time": self.authored} for part, m in who.items()}
        self.outbox.see(Snapshot(observed, self.owner, {"authors": authors}, {}), decision.status)
        return decision
