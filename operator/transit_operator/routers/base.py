"""The interface of a router, and the Service whose address never changes."""

from collections.abc import Mapping
from typing import Protocol

from ..api import names
from ..core.objects.build import Object, Owner, labels, service
from ..core.objects.identity import SERVERS, selector

Live = Mapping[tuple[str, str], Object]  # (kind, name) → the object as it is in the cluster


class Router(Protocol):
    """Two questions: which objects give these weights, and which weights do these objects give."""

    def objects(
        self,
        owner: Owner,
        weights: Mapping[str, int],
        stable: str | None = None,
        testers: str | None = None,
    ) -> list[Object]:
        """Return the objects that give each revision its percent, the traffic-bearing one first.

        `stable`: the stable revision, where clients stay who can't be split. `testers`: whom those
        with `candidateHeader` are led to, whatever the weights; None: where the weights lead.
        """
        ...

    def unwanted(self) -> list[str]:
        """Return the kinds of objects, named as the ModelDeployment, that must not exist."""
        ...

    def weights(self, owner: Owner, live: Live, ready: Mapping[str, int]) -> dict[str, int]:
        """Return revision → percent as live objects give it. `ready`: ready pods by revision."""
        ...

    def testers(self, owner: Owner, live: Live) -> str | None:
        """Return whom testers are led to by live objects, where that isn't as for all others."""
        ...


def main_service(owner: Owner, revision: str | None) -> Object:
    """Return Service NAME, pinned to one revision or open to all servers of the ModelDeployment.

    Its other pods, of look-ups and checks, may have a container with a port of the same name.
    """
    pods = selector(owner.name, revision) | ({} if revision else SERVERS)
    return service(owner, owner.name, labels(owner), pods)


def pinned_revision(live_service: Object | None) -> str | None:
    """Return the revision that Service NAME is pinned to, or None."""
    if live_service is None:
        return None
    found: str | None = (live_service["spec"].get("selector") or {}).get(names.LABEL_REVISION)
    return found


def percentages(counts: Mapping[str, int]) -> dict[str, int]:
    """Return shares in whole percent that sum to 100 (largest remainders), for positive counts."""
    total = sum(counts.values())
    if total == 0:
        return {}
    exact = {name: 100 * count / total for name, count in counts.items()}
    shares = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(counts, key=lambda name: (shares[name] - exact[name], name))
    for name in by_remainder[: 100 - sum(shares.values())]:
        shares[name] += 1
    return shares
