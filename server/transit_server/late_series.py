"""Counters whose labels are known only when something is counted.

Prometheus takes the first value it sees of a counter as its beginning: what was counted before is
lost. So a new series is shown at 0 first, and gets its counts after that scrape.

A server of several workers is scraped as a whole: a scrape of one is a scrape of all, and a series
that one of them dropped is dropped by all, or their sum would fall.
"""

from collections import OrderedDict
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

OUTCOMES = ("correct", "wrong")
SeriesKey = tuple[str, str, str]  # revision, model, version


class FeedbackSeries:
    """`prediction_feedback_total`, by the revision that predicted, which may be another one than
    this process's. At most `limit` revisions, models and versions; the longest silent make room.
    """

    def __init__(self, registry: CollectorRegistry, model_deployment: str, limit: int = 64) -> None:
        self._model_deployment = model_deployment
        self._limit = limit
        self._counter = Counter(
            "prediction_feedback_total",
            "Feedback on predictions, by the revision, model and version that predicted.",
            ("model_deployment", "revision", "model", "version", "outcome"),
            registry=registry,
        )
        self._known: OrderedDict[SeriesKey, None] = OrderedDict()
        self._held: dict[SeriesKey, dict[str, int]] = {}
        self._gone: OrderedDict[SeriesKey, None] = OrderedDict()

    def count(self, revision: str, model: str, version: str, outcome: str) -> None:
        """One more; for a new series, after the next scrape."""
        key = (revision, model, version)
        self.show(*key)
        if key in self._held:
            self._held[key][outcome] += 1
        else:
            self._counter.labels(self._model_deployment, *key, outcome).inc()

    def show(self, revision: str, model: str, version: str) -> None:
        """Make both outcomes exist."""
        key = (revision, model, version)
        if key in self._known:
            self._known.move_to_end(key)
            return
        self._known[key] = None
        self._held[key] = dict.fromkeys(OUTCOMES, 0)
        for outcome in OUTCOMES:
            self._counter.labels(self._model_deployment, *key, outcome)
        if len(self._known) > self._limit:
            self._drop(next(iter(self._known)))

    def held(self) -> list[SeriesKey]:
        """What the scrape that begins now shows at 0; to be given to `shown` when it has ended."""
        return list(self._held)

    def gone(self) -> list[SeriesKey]:
        """Series that had been scraped and were dropped, until a scrape without them is `shown`; of
        several workers, others may still have them.
        """
        return list(self._gone)

    def shown(self, keys: Iterable[SeriesKey], gone: Iterable[SeriesKey] = ()) -> None:
        """These have been scraped: count what was held back. The series `gone` were not in that
        scrape: forget their counts, and begin anew.
        """
        dropped = set(gone)
        for key in keys:
            if key not in dropped:
                for outcome, count in self._held.pop(key, {}).items():
                    self._counter.labels(self._model_deployment, *key, outcome).inc(count)
        for key in dropped:
            if key in self._known and key not in self._held:
                self._drop(key)
            self._gone.pop(key, None)

    def _drop(self, key: SeriesKey) -> None:
        del self._known[key]
        if self._held.pop(key, None) is None:
            self._gone[key] = None
            if len(self._gone) > self._limit:  # as many as one scrape can have shown
                self._gone.popitem(last=False)
        for outcome in OUTCOMES:
            self._counter.remove(self._model_deployment, *key, outcome)
