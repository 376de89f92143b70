"""Weights by pod counts: works on every cluster, approximate in between, exact at the ends.

Service NAME is pinned to one revision while that has all the traffic, so a rollback is one change
of a selector and waits for no pod. In between it is open to the pods of both revisions.
"""

from collections.abc import Mapping

from ..core.objects.build import Object, Owner
from .base import Live, main_service, percentages, pinned_revision


class ReplicasRouter:
    """See the module."""

    def objects(
        self,
        owner: Owner,
        weights: Mapping[str, int],
        stable: str | None = None,
        testers: str | None = None,
    ) -> list[Object]:
        sole = next(iter(weights)) if len(weights) == 1 else None
        return [main_service(owner, sole)] if weights else []

    def unwanted(self) -> list[str]:
        return ["HTTPRoute"]

    def weights(self, owner: Owner, live: Live, ready: Mapping[str, int]) -> dict[str, int]:
        service = live.get(("Service", owner.name))
        if service is None:
            return {}
        pinned = pinned_revision(service)
        if pinned is not None:
            return {pinned: 100}
        return percentages({revision: pods for revision, pods in ready.items() if pods > 0})

    def testers(self, owner: Owner, live: Live) -> str | None:
        return None
