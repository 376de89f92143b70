"""What Prometheus would say: increases over a sliding window, and quantiles of a histogram.

The counts of one scrape come in, and the sums over the window are kept; neighbours: `rollouts`
feeds them, `verdicts` reads them.
"""

import numpy as np
import numpy.typing as npt

from .traffic import Floats

Ints = npt.NDArray[np.int64]


class Window:
    """The increase of many counters over the window, one row a rollout.

    A window of w seconds with one scrape every s seconds holds w/s samples, so w/s - 1 increments;
    `increase` extrapolates them to the whole window, which makes counts fractional.
    """

    def __init__(self, rows: int, columns: int, scrapes: int) -> None:
        self._ring = np.zeros((scrapes - 1, rows, columns), dtype=np.int32)
        self._next = 0
        self.sums = np.zeros((rows, columns), dtype=np.int64)
        self.scrapes = scrapes
        self.extrapolation = scrapes / (scrapes - 1)

    def push(self, increments: Ints | None) -> None:
        """Take in the increments of one scrape; None stands for no traffic."""
        oldest = self._ring[self._next]
        self.sums -= oldest
        if increments is None:
            oldest[:] = 0
        else:
            oldest[:] = increments
            self.sums += increments
        self._next = (self._next + 1) % len(self._ring)

    def keep(self, rows: npt.NDArray[np.bool_]) -> None:
        """Forget the other rows."""
        self._ring = np.ascontiguousarray(self._ring[:, rows])
        self.sums = self.sums[rows]

    def increase(self) -> Floats:
        """Return what `increase` would say, rows by columns."""
        return np.asarray(self.sums * self.extrapolation, dtype=np.float64)


def histogram_quantile(q: float, counts: Ints, edges: Floats) -> Floats:
    """Return Prometheus' `histogram_quantile` of each row of bucket counts; NaN without counts.

    Linear inside a bucket, as `bucketQuantile` in promql/quantile.go.
    """
    cumulative = np.cumsum(counts, axis=1)
    rank = q * cumulative[:, -1]
    bucket = (cumulative < rank[:, None]).sum(axis=1)
    bucket = np.minimum(bucket, counts.shape[1] - 1)
    rows = np.arange(len(counts))
    inside = counts[rows, bucket]
    before = cumulative[rows, bucket] - inside
    start, end = edges[bucket], edges[bucket + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(
            cumulative[:, -1] > 0, start + (end - start) * ((rank - before) / inside), np.nan
        )
