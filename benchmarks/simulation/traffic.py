"""Made-up traffic: how many requests, how slow, how wrong, of which class.

A `Regime` is what is true of both revisions; a `Fault` is what is wrong with the candidate.
Neighbours: `regimes` lists them; `rollouts` draws from them tick by tick.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from transit_server.observability.metrics import latency_buckets

Floats = npt.NDArray[np.float64]

DAY_SECONDS = 86_400.0


@dataclass(frozen=True)
class Shape:
    """Latency: a mixture of lognormal parts, each (share, median in seconds, sigma of the log)."""

    parts: tuple[tuple[float, float, float], ...]

    def below(self, seconds: float, factor: float) -> float:
        """Return the share of answers within some seconds, when all take `factor` times."""
        return sum(
            share * 0.5 * math.erfc(-math.log(seconds / (median * factor)) / (sigma * math.sqrt(2)))
            for share, median, sigma in self.parts
        )


def lognormal(sigma: float, median: float = 0.010) -> Shape:
    """Return a shape of one part."""
    return Shape(((1.0, median, sigma),))


def two_modes(slow: float, times: float = 10.0, sigma: float = 0.3, median: float = 0.010) -> Shape:
    """Return a shape in which a share of the answers takes `times` as long."""
    return Shape(((1 - slow, median, sigma), (slow, median * times, sigma)))


@dataclass(frozen=True)
class SlowMinutes:
    """Now and then everything takes `factor` times as long, for both revisions at once.

    `last_step` tells whether it happens at 100 %, or only before.
    """

    factor: float
    per_day: float
    minutes: float
    last_step: bool = True


@dataclass(frozen=True)
class Regime:
    """Traffic of one ModelDeployment; everything here is the same for both revisions.

    `rps` is the mean of all traffic. With `swing` it follows a sine over a day, between
    rps * (1 - swing) and rps * (1 + swing). `night` is the class mix at the other end of the day.
    """

    name: str
    rps: float
    errors: float = 0.005
    shape: Shape = field(default_factory=lambda: lognormal(0.6))
    classes: tuple[float, ...] = (0.60, 0.25, 0.15)
    swing: float = 0.0
    night: tuple[float, ...] | None = None
    slow_minutes: SlowMinutes | None = None


@dataclass(frozen=True)
class Fault:
    """What is wrong with a candidate, from `after` seconds on since it first had traffic.

    `classes` says which class is answered in place of the first, the second, and so on.
    """

    name: str
    errors: float | None = None
    slower: float = 1.0
    classes: tuple[int, ...] | None = None
    after: float = 0.0


@dataclass(frozen=True)
class Histogram:
    """The part of the server's buckets in which a shape has answers, and the chances of each.

    `edges` has one more entry than there are buckets; what is beyond both ends counts as in the
    outermost buckets. That is the fastest fifth, which no rule asks for (its buckets would only
    cost time), and the slowest 1e-7.
    """

    shape: Shape
    factors: tuple[float, ...]

    @cached_property
    def edges(self) -> Floats:
        bounds = [0.0, *latency_buckets()]
        low, high = min(self.factors), max(self.factors)
        first = max(i for i, x in enumerate(bounds) if x == 0 or self.shape.below(x, low) < 0.2)
        last = min(
            (i for i, x in enumerate(bounds) if x and 1 - self.shape.below(x, high) < 1e-7),
            default=len(bounds) - 1,
        )
        return np.array(bounds[first : last + 1])

    def chances(self, factor: float) -> Floats:
        """Return the probability of every bucket; the sum is 1."""
        below = [self.shape.below(x, factor) if x else 0.0 for x in self.edges]
        below[0], below[-1] = 0.0, 1.0
        return np.maximum(np.diff(below), 0.0)
