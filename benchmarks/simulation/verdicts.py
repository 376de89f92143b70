"""The operator's rules for many rollouts at once, and the way back to the real ones.

`judge` gives for every rollout what `signals.judge` would; `check` calls the real one for some of
them and compares. `tests/unit/test_simulation.py` does the same for many more.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transit_operator.api.analysis import Analysis
from transit_operator.api.status import Baseline, Evidence, Verdict
from transit_operator.core.observed import Counts, Latency, Readings, RevisionReadings
from transit_operator.core.signals.judge import FEWEST_SLOW, PLENTY
from transit_operator.core.signals.judge import judge as really_judge
from transit_operator.core.signals.statistics import SMOOTHING, Z, outer_quantile, surely_above
from transit_operator.core.times import rfc3339

from .traffic import Floats

Bools = npt.NDArray[np.bool_]
MODEL = "model"


@dataclass
class Figures:
    """What Prometheus says of one revision, one row a rollout."""

    success: Floats
    error: Floats
    quantile: Floats  # seconds; NaN without requests
    median: Floats
    outer: Floats
    requests: Floats
    classes: Floats  # rollouts by classes

    def row(self, i: int) -> RevisionReadings:
        """Return the readings of one rollout as the adapter would."""
        latency = None
        if self.requests[i] > 0:
            latency = Latency(
                quantile=float(self.quantile[i]),
                median=float(self.median[i]),
                samples=float(self.requests[i]),
                outer=float(self.outer[i]),
            )
        return RevisionReadings(
            counts=Counts(float(self.success[i]), float(self.error[i])),
            latency=latency,
            classes={MODEL: {f"{k:03}": float(c) for k, c in enumerate(self.classes[i])}},
        )


@dataclass
class Kept:
    """The kept baselines, one row a rollout; a NaN latency stands for none."""

    latency: Floats
    classes: Floats
    samples: Floats

    def row(self, i: int) -> Baseline | None:
        if math.isnan(self.latency[i]):
            return None
        return Baseline(
            latency=float(self.latency[i]),
            classes={MODEL: {f"{k:03}": float(c) for k, c in enumerate(self.classes[i])}},
            samples=float(self.samples[i]),
            time=rfc3339(0.0),
        )

    def renew(self, stable: Figures, where: Bools, min_samples: int) -> None:
        """Do what `signals.baseline_of` does, for some of the rollouts."""
        enough = where & (stable.success + stable.error >= min_samples) & (stable.requests > 0)
        rows = np.flatnonzero(enough)
        self.latency[rows] = [float(f"{x:.6g}") for x in stable.quantile[rows]]
        self.classes[rows] = stable.classes[rows]
        self.samples[rows] = [float(f"{x:.6g}") for x in (stable.success + stable.error)[rows]]


@dataclass
class Verdicts:
    """Rollouts by signals: `fail` and `blind` (NoData), in the order of `signals.judge`."""

    fail: Bools
    blind: Bools

    def row(self, i: int) -> list[Verdict]:
        return [
            Verdict.FAIL if f else Verdict.NO_DATA if b else Verdict.PASS
            for f, b in zip(self.fail[i], self.blind[i], strict=True)
        ]


def judge(analysis: Analysis, mine: Figures, stable: Figures, kept: Kept) -> Verdicts:
    """Return the verdicts of error rate, latency and drift for every rollout."""
    signals = [
        _error_rate(analysis, mine),
        _latency(analysis, mine, stable, kept),
        _drift(analysis, mine, stable, kept),
    ]
    return Verdicts(
        fail=np.stack([fail for fail, _ in signals], axis=1),
        blind=np.stack([blind for _, blind in signals], axis=1),
    )


def check(
    analysis: Analysis, mine: Figures, stable: Figures, kept: Kept, found: Verdicts, i: int
) -> list[Evidence]:
    """Return the real evidence of one rollout. Raises RuntimeError if it isn't as found."""
    evidence = really_judge(analysis, Readings(mine.row(i), stable.row(i)), kept.row(i), 0.0)
    if [e.verdict for e in evidence] != found.row(i):
        raise RuntimeError(
            f"the simulation's verdicts {found.row(i)} differ from the operator's:"
            f" {[(e.verdict, e.message) for e in evidence]}; change verdicts.py as signals.py was"
        )
    return evidence


@functools.cache
def _fewest(threshold: float, trials: int) -> npt.NDArray[np.int64]:
    """Return, for 0 to so many trials, the fewest successes that are surely above a threshold."""
    fewest = [1]  # of no trial, none is enough
    for n in range(1, trials + 1):
        k = fewest[-1]
        while k <= n and not surely_above(k, n, threshold):
            k += 1
        fewest.append(k)
    return np.array(fewest)


def _surely_above(successes: Floats, trials: Floats, threshold: float, where: Bools) -> Bools:
    """Return `surely_above` of every row, and False where it isn't asked for."""
    n = np.ceil(np.where(where, trials, 0.0) - 1e-9).astype(np.int64)
    k = np.floor(successes + 1e-9)
    table = _fewest(threshold, 1 << int(n.max(initial=0)).bit_length())  # few sizes, so few tables
    return where & (n > 0) & (k >= table[n])


def _error_rate(analysis: Analysis, mine: Figures) -> tuple[Bools, Bools]:
    limit = analysis.error_rate.max
    total = mine.success + mine.error
    some = total > 0
    over = some & (mine.error > 0) & (mine.error / np.where(some, total, 1.0) > limit)
    enough = total >= analysis.min_samples
    plenty = total >= PLENTY * analysis.min_samples
    fail = over & (plenty | _surely_above(mine.error, total, limit, over & ~plenty))
    return fail, ~fail & (over | ~enough)


def _latency(analysis: Analysis, mine: Figures, stable: Figures, kept: Kept) -> tuple[Bools, Bools]:
    limit, q = analysis.latency.max_ratio, analysis.latency.quantile
    n = mine.requests
    own = stable.requests >= np.maximum(analysis.min_samples, kept.samples)
    base = np.where(own, stable.quantile, kept.latency)
    known = (n > 0) & (base > 0)  # NaN is not above 0
    with np.errstate(invalid="ignore", divide="ignore"):
        over = known & (mine.quantile / base > limit)
        half = mine.median > limit * base
        twice = mine.outer > limit * base
    enough = n >= analysis.min_samples
    plenty = n >= PLENTY * analysis.min_samples
    few = over & ~plenty & (n >= FEWEST_SLOW)
    outer = 1 - outer_quantile(q)
    sure = _surely_above(np.ceil(0.5 * n - 1e-9), n, 1 - q, few & half)
    sure |= _surely_above(np.ceil(outer * n - 1e-9), n, 1 - q, few & twice)
    fail = over & (plenty | sure)
    return fail, ~fail & (over | ~enough | ~known)


def _drift(analysis: Analysis, mine: Figures, stable: Figures, kept: Kept) -> tuple[Bools, Bools]:
    limit, least = analysis.drift.max_kl, analysis.min_samples
    own = _sum(stable.classes) >= np.maximum(least, _sum(kept.classes))
    base = np.where((own | np.isnan(kept.latency))[:, None], stable.classes, kept.classes)
    n, m = _sum(mine.classes), _sum(base)
    known = (n > 0) & (m > 0)
    divergence, error = kl_divergence(mine.classes, base, known)
    enough = known & (n >= least) & (m >= least)
    fail = known & (divergence > limit) & (enough | (divergence - Z * error > limit))
    return fail, ~fail & ~enough


def _sum(counts: Floats) -> Floats:
    """Return the sum of every row, added from left to right as the operator does.

    numpy's own order may give 99.99999999999999 where that gives 100.
    """
    return np.asarray(np.cumsum(counts, axis=1)[:, -1], dtype=np.float64)


def kl_divergence(mine: Floats, base: Floats, where: Bools) -> tuple[Floats, Floats]:
    """Return `statistics.kl_divergence` of every row; of rows without counts something finite."""
    k = mine.shape[1]
    n = np.where(where, _sum(mine), 1.0)
    m = np.where(where, _sum(base), 1.0)
    p = (mine + SMOOTHING) / (n + SMOOTHING * k)[:, None]
    q = (base + SMOOTHING) / (m + SMOOTHING * k)[:, None]
    ratios = np.log(p / q)
    plug_in = (p * ratios).sum(axis=1)
    of_mine = (p * ratios * ratios).sum(axis=1) - plug_in**2
    of_base = (p * p / q).sum(axis=1) - 1
    error = np.sqrt(np.maximum(0.0, of_mine / n) + np.maximum(0.0, of_base / m))
    return np.maximum(0.0, plug_in - (k - 1) / 2 * (1 / n + 1 / m)), error
