"""Who claims which host and path of which Gateway, so that nobody has to read all routes.

Of two the older one has it (`routers.acceptance`), and no status tells the younger one when that
ends: so each change says whom else it concerns. Neighbour: `cache` keeps the routes.
"""

from collections.abc import Mapping

from ...core.objects.build import Object
from ...routers.acceptance import Claim, Claimant, claims, wins


class Claims:
    """Claims by route, as namespace/name."""

    def __init__(self) -> None:
        self._claimants: dict[Claim, dict[str, Claimant]] = {}
        self._of: dict[str, Mapping[Claim, Claimant]] = {}

    def put(self, route: Object) -> set[str]:
        """Take what a route claims now; return the other routes that this concerns."""
        name = f"{route['metadata']['namespace']}/{route['metadata']['name']}"
        before, now = self._of.get(name, {}), claims(route)
        if before == now:
            return set()  # most changes are of weights
        concerned = self.drop(name)
        concerned |= self._younger(now)
        for claim, claimant in now.items():
            self._claimants.setdefault(claim, {})[name] = claimant
        self._of[name] = now
        return concerned

    def drop(self, route: str) -> set[str]:
        """Forget a route; return the other routes that this concerns."""
        gone = self._of.pop(route, {})
        for claim in gone:
            claimants = self._claimants[claim]
            del claimants[route]
            if not claimants:
                del self._claimants[claim]
        return self._younger(gone)

    def of(self, route: Object) -> dict[Claim, list[Claimant]]:
        """Return all who claim what a route claims, itself too."""
        return {claim: list(self._claimants.get(claim, {}).values()) for claim in claims(route)}

    def _younger(self, claimed: Mapping[Claim, Claimant]) -> set[str]:
        """Return the routes that these claims go before."""
        return {
            other.route
            for claim, mine in claimed.items()
            for other in self._claimants.get(claim, {}).values()
            if wins(mine, other)
        }
