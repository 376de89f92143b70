"""What the API server refused at the last try, until one goes well.

Whoever begins to lead has tried nothing yet: until then the condition `Accepted` tells what became
of the last leader's try. So it never says that all is well because somebody else leads.
Neighbour: `reconcile` asks before a look and notes after it.
"""

from ...api.status import ModelDeploymentStatus
from ...core.observed import REFUSED, Observed, Problem
from ..observing.cache import Key


class Refusals:
    """By ModelDeployment and generation of its spec: another spec is another try."""

    def __init__(self) -> None:
        self._tried: dict[Key, tuple[int, Problem | None]] = {}

    def last(self, key: Key, o: Observed) -> Problem | None:
        """Return what was refused at the last try with this spec, by whomever."""
        if key in self._tried:
            generation, problem = self._tried[key]
            return problem if generation == o.generation else None
        return _told(o.status, o.generation)

    def refused(self, key: Key, o: Observed, message: str) -> None:
        """Remember what a try of this process ended with."""
        self._tried[key] = o.generation, Problem(REFUSED, message)

    def went_well(self, key: Key, o: Observed) -> bool:
        """Remember it, as long as the status says otherwise. False: it says so already."""
        if self.last(key, o) is None:
            self._tried.pop(key, None)
            return False
        self._tried[key] = o.generation, None
        return True

    def forget(self, key: Key) -> None:
        """Forget a ModelDeployment that is gone."""
        self._tried.pop(key, None)


def _told(status: ModelDeploymentStatus, generation: int) -> Problem | None:
    accepted = next((c for c in status.conditions if c.type == "Accepted"), None)
    if accepted is None or accepted.status != "False" or accepted.reason != REFUSED:
        return None
    if accepted.observed_generation != generation:
        return None
    return Problem(REFUSED, accepted.message)
