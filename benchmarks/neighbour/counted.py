"""What the server's metrics say of its revision, read as the operator reads them: the difference
between two scrapes.
"""

import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

_BUCKETS = "prediction_latency_seconds_bucket"


@dataclass(frozen=True, slots=True)
class Counted:
    """Counters of all models together: predictions by status, requests by bound of latency."""

    statuses: Mapping[str, float]
    buckets: Mapping[float, float]

    @staticmethod
    def at(url: str) -> "Counted":
        """One scrape."""
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - loopback
            text = answer.read().decode()
        statuses: dict[str, float] = {}
        buckets: dict[float, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "predictions_total":
                    status = sample.labels["status"]
                    statuses[status] = statuses.get(status, 0.0) + sample.value
                elif sample.name == _BUCKETS:
                    bound = float(sample.labels["le"])
                    buckets[bound] = buckets.get(bound, 0.0) + sample.value
        return Counted(statuses, buckets)

    def since(self, earlier: "Counted") -> "Counted":
        """What was counted between the two."""
        return Counted(
            {
                name: value - earlier.statuses.get(name, 0.0)
                for name, value in self.statuses.items()
            },
            {
                bound: value - earlier.buckets.get(bound, 0.0)
                for bound, value in self.buckets.items()
            },
        )

    @property
    def error_rate(self) -> float:
        """Errors of all that was answered or failed; 0 where nothing was. Rows on which the model
        fails although it works are judged against the stable's share of them.
        """
        errors = self.statuses.get("error", 0.0)
        together = sum(self.statuses.get(s, 0.0) for s in ("success", "error", "input_error"))
        return errors / together if together else 0.0

    def quantile_ms(self, share: float) -> float:
        """As Prometheus interpolates it."""
        bounds = sorted(self.buckets)
        if not bounds or not self.buckets[bounds[-1]]:
            return float("nan")
        rank = share * self.buckets[bounds[-1]]
        lower, below = 0.0, 0.0
        for bound in bounds:
            count = self.buckets[bound]
            if count >= rank:
                if bound == float("inf"):
                    break
                inside = (rank - below) / (count - below) if count > below else 1.0
                return round((lower + (bound - lower) * inside) * 1e3, 3)
            lower, below = bound, count
        return round(lower * 1e3, 3)
