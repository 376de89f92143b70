"""What became of the lines of the prediction log; there only where it is on."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

_BASE = ("model_deployment", "revision")


class PredictionLogSeries:
    """The families, and the one series that each has. For the event loop and the writing thread."""

    def __init__(self, registry: CollectorRegistry, model_deployment: str, revision: str) -> None:
        labels = (model_deployment, revision)
        self._written = Counter(
            "prediction_log_written_total",
            "Lines of the prediction log that are in the store.",
            _BASE,
            registry=registry,
        ).labels(*labels)
        self._dropped = Counter(
            "prediction_log_dropped_total",
            "Lines of the prediction log that there was no room for: the store is away, or slow.",
            _BASE,
            registry=registry,
        ).labels(*labels)
        self._failures = Counter(
            "prediction_log_failures_total",
            "Attempts to put a file of the prediction log that failed.",
            _BASE,
            registry=registry,
        ).labels(*labels)
        self._pending = Gauge(
            "prediction_log_pending_bytes",
            "What waits to be written into the prediction log; at most its buffer.",
            _BASE,
            registry=registry,
        ).labels(*labels)

    def written(self, lines: int) -> None:
        self._written.inc(lines)

    def dropped(self, lines: int) -> None:
        self._dropped.inc(lines)

    def failed(self) -> None:
        self._failures.inc()

    def pending_is(self, weight: Callable[[], float]) -> None:
        """Ask `weight` at every scrape."""
        self._pending.set_function(weight)
