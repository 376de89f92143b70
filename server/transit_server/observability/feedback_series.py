"""Counters whose labels are known only when something is counted.

Prometheus takes the first value it sees of a counter as its beginning: what was counted before is
lost. So a new series is shown at 0 first, and gets its counts after that scrape.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

OUTCOMES = ("correct", "wrong")
SeriesKey = tuple[str, str, str]  # revision, model, version


class FeedbackSeries:
    """`prediction_feedback_total`, by the revision that predicted, which may be another one than
    this process's. Only what has really predicted is counted, so no series has to make room.
    """

    def __init__(self, registry: CollectorRegistry, model_deployment: str) -> None:
        self._model_deployment = model_deployment
        self._counter = Counter(
            "prediction_feedback_total",
            "Feedback on predictions, by the revision, model and version that predicted.",
            ("model_deployment", "revision", "model", "version", "outcome"),
            registry=registry,
        )
        self._known: set[SeriesKey] = set()
        self._held: dict[SeriesKey, dict[str, int]] = {}

    def count(self, revision: str, model: str, version: str, outcome: str) -> None:
        """One more; for a new series, after the next scrape."""
        key = (revision, model, version)
        self._show(key)
        if key in self._held:
            self._held[key][outcome] += 1
        else:
            self._counter.labels(self._model_deployment, *key, outcome).inc()

    def _show(self, key: SeriesKey) -> None:
        """Make both outcomes exist."""
        if key in self._known:
            return
        self._known.add(key)
        self._held[key] = dict.fromkeys(OUTCOMES, 0)
        for outcome in OUTCOMES:
            self._counter.labels(self._model_deployment, *key, outcome)

    def held(self) -> list[SeriesKey]:
        """What the scrape that begins now shows at 0; to be given to `shown` when it has ended."""
        return list(self._held)

    def shown(self, keys: Iterable[SeriesKey]) -> None:
        """These have been scraped: count what was held back."""
        for key in keys:
            for outcome, count in self._held.pop(key, {}).items():
                self._counter.labels(self._model_deployment, *key, outcome).inc(count)
