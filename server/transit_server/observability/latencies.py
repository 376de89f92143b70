"""How long requests took, by model.

Plain numbers, as in `request_counters`, and for its reason; the histogram of the client library
looks at one bound after the other besides. `metrics` registers this.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Latency:
    """Of one model; only the event loop changes it."""

    def __init__(self, labels: tuple[str, ...], bounds: Sequence[float]) -> None:
        self.labels = labels
        self.counts = [0] * (len(bounds) + 1)  # the last is what is beyond all bounds
        self.seconds = 0.0
        self._bounds = bounds

    def took(self, seconds: float) -> None:
        """A request was answered, or its client went."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.seconds += seconds


class Latencies(Collector):
    """Of all models: a histogram with upper `bounds`, in seconds."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        self._about = name, text
        self._labels = labels
        self._bounds = bounds
        self._texts = [*map(floatToGoString, bounds), "+Inf"]
        self._models: dict[tuple[str, ...], Latency] = {}

    def of(self, *labels: str) -> Latency:
        """That of one model, which is the same whenever it is asked for."""
        return self._models.setdefault(labels, Latency(labels, self._bounds))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        family = HistogramMetricFamily(*self._about, labels=self._labels)
        for one in list(self._models.values()):
            counts = accumulate(one.counts.copy())
            family.add_metric(
                one.labels, list(zip(self._texts, counts, strict=True)), sum_value=one.seconds
            )
        yield family
