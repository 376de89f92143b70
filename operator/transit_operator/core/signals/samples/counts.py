"""Predictions by outcome, as `errorRate`, `invalid` and `traffic` count them.

Neighbours: `query.PREDICTIONS` asks. Statuses that are none of these four, as a server's refusal
for lack of room, are requests that arrived, and nothing else.
"""

from dataclasses import dataclass, replace

from ...observed import RevisionReadings
from .query import PREDICTIONS

_KNOWN = ("success", "error", "input_error", "invalid")


@dataclass(frozen=True)
class Counts:
    """Of one model, or of several together, in the window."""

    success: float = 0.0
    error: float = 0.0
    input_error: float = 0.0  # rows on which a model fails that answers its own probes
    invalid: float = 0.0
    other: float = 0.0

    @property
    def total(self) -> float:
        """Predictions: what was answered, or should have been."""
        return self.success + self.error + self.input_error

    @property
    def requests(self) -> float:
        """Predictions, and what was invalid."""
        return self.total + self.invalid

    @property
    def arrived(self) -> float:
        return self.requests + self.other

    def __add__(self, more: "Counts") -> "Counts":
        return Counts(
            self.success + more.success,
            self.error + more.error,
            self.input_error + more.input_error,
            self.invalid + more.invalid,
            self.other + more.other,
        )


def by_model(readings: RevisionReadings) -> dict[str, Counts]:
    """Return the counts of each model that Prometheus has measured, also those at 0."""
    found: dict[str, Counts] = {}
    for labels, value in PREDICTIONS.of(readings):
        model, status = labels.get("model", ""), labels.get("status", "")
        name = status if status in _KNOWN else "other"
        have = found.get(model, Counts())
        found[model] = replace(have, **{name: getattr(have, name) + value})
    return found


def pooled(counts: dict[str, Counts]) -> Counts:
    """Return the sum."""
    return sum(counts.values(), Counts())
