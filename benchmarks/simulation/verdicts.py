"""The operator's rules for many rollouts at once, and the way back to the real ones.

`judge` gives for every rollout what `registry.judge` would; `check` calls the real one for some of
them and compares. `tests/unit/tools/test_simulation.py` does the same for many more.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transit_operator.api.analysis import Analysis, Drift, ErrorRate, Latency
from transit_operator.api.status import Baseline, Evidence, ModelBaseline, Verdict
from transit_operator.core.observed import Readings, RevisionReadings, Sample
from transit_operator.core.signals import registry
from transit_operator.core.signals.drift import LARGEST_BIAS, POWER, one_class_alone
from transit_operator.core.signals.evidence import PLENTY, Input
from transit_operator.core.signals.latency import FEWEST_SLOW
from transit_operator.core.signals.samples.classes import TAIL_MASS
from transit_operator.core.signals.statistics import SMOOTHING, Z, outer_quantile, surely_above
from transit_operator.core.times import rfc3339

from .traffic import Floats

Bools = npt.NDArray[np.bool_]
MODEL = "model"
JUDGED = ("errorRate", "latency", "drift")  # what is simulated, in the order of the registry


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

    def row(self, i: int, quantile: float) -> RevisionReadings:
        """Return the readings of one rollout as the adapter would."""
        n = float(self.requests[i])
        counts = {"success": float(self.success[i]), "error": float(self.error[i])}
        samples: dict[str, tuple[Sample, ...]] = {
            "predictions": tuple(({"model": MODEL, "status": s}, v) for s, v in counts.items()),
            "classes": tuple(
                ({"model": MODEL, "class": f"{k:03}"}, float(c))
                for k, c in enumerate(self.classes[i])
            ),
        }
        if n > 0:
            figures = (
                (self.median[i], 0.5),
                (self.quantile[i], quantile),
                (self.outer[i], outer_quantile(quantile)),
            )
            samples["latencies"] = _histogram({float(x): share * n for x, share in figures}, n)
        return RevisionReadings(samples)


def _histogram(counts: dict[float, float], total: float) -> tuple[Sample, ...]:
    """Return buckets that have exactly these quantiles: seconds → answers up to that."""
    bounds = sorted(counts)
    buckets = [(repr(bound), max(counts[b] for b in bounds if b <= bound)) for bound in bounds]
    buckets += [(repr(2 * bounds[-1]), total), ("+Inf", total)]
    return tuple(({"model": MODEL, "le": le}, count) for le, count in buckets)


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
            models={
                MODEL: ModelBaseline(
                    latency=float(self.latency[i]),
                    samples=float(self.samples[i]),
                    requests=float(self.samples[i]),
                )
            },
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
    """Rollouts by signals: `fail` and `blind` (NoData), in the order of `registry.judge`."""

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
    quantile = (analysis.latency or Latency()).quantile
    said = Readings(mine.row(i, quantile), stable.row(i, quantile))
    everything = registry.judge(Input(analysis, said, 0.0, kept.row(i)))
    evidence = [e for e in everything if e.signal in JUDGED]
    if [e.verdict for e in evidence] != found.row(i):
        raise RuntimeError(
            f"the simulation's verdicts {found.row(i)} differ from the operator's:"
            f" {[(e.verdict, e.message) for e in evidence]}; change verdicts.py as core/signals was"
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
    limit = (analysis.error_rate or ErrorRate()).max
    total = mine.success + mine.error
    some = total > 0
    over = some & (mine.error > 0) & (mine.error / np.where(some, total, 1.0) > limit)
    enough = total >= analysis.min_samples
    plenty = total >= PLENTY * analysis.min_samples
    fail = over & (plenty | _surely_above(mine.error, total, limit, over & ~plenty))
    return fail, ~fail & (over | ~enough)


def _latency(analysis: Analysis, mine: Figures, stable: Figures, kept: Kept) -> tuple[Bools, Bools]:
    rule = analysis.latency or Latency()
    limit, q = rule.max_ratio, rule.quantile
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
    limit, least = (analysis.drift or Drift()).max_kl, analysis.min_samples
    own = _sum(stable.classes) >= np.maximum(least, _sum(kept.classes))
    base = np.where((own | np.isnan(kept.latency))[:, None], stable.classes, kept.classes)
    n, m = _sum(mine.classes), _sum(base)
    known = (n > 0) & (m > 0)
    divergence, error, bias = kl_divergence(*_tail(mine.classes, base, n, m), known)
    enough = known & (n >= least) & (m >= least) & (bias <= min(limit / POWER, LARGEST_BIAS))
    fail = known & (divergence > limit) & (enough | (divergence - Z * error > limit))
    alone = np.zeros_like(fail)
    for i in np.flatnonzero(_maybe_alone(mine.classes, base, n, m, limit) & known & ~fail):
        alone[i] = one_class_alone(_named(mine.classes[i]), _named(base[i]), limit, 1) > limit
    fail |= alone
    return fail, ~fail & (~enough | (divergence > limit))


def _named(counts: Floats) -> dict[str, float]:
    return {f"{k:03}": float(c) for k, c in enumerate(counts) if c > 0}


def _maybe_alone(mine: Floats, base: Floats, n: Floats, m: Floats, limit: float) -> Bools:
    """Tell where the commonest class alone may part the two: where its shares do."""
    rows, k = np.arange(len(mine)), mine.shape[1]
    top = k - 1 - mine[:, ::-1].argmax(axis=1)  # of equal ones the last name
    with np.errstate(invalid="ignore", divide="ignore"):
        p, q = mine[rows, top] / n, base[rows, top] / m
        rest = np.where(p < 1, (1 - p) * np.log((1 - p) / (1 - q)), 0.0)
        return np.asarray(p * np.log(p / q) + rest > limit * 0.999)


def _tail(mine: Floats, base: Floats, n: Floats, m: Floats) -> tuple[Floats, Floats]:
    """Do what `classes.tail` does: one more column, for the rarest classes of each row."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mass = (mine / n[:, None] + base / m[:, None]) / 2
    order = np.argsort(mass, axis=1, kind="stable")
    below = np.cumsum(np.take_along_axis(mass, order, axis=1), axis=1) <= TAIL_MASS
    rare = np.zeros_like(below)
    np.put_along_axis(rare, order, below, axis=1)
    rare &= mass > 0
    rare &= (rare.sum(axis=1) >= 2)[:, None]

    def merged(counts: Floats) -> Floats:
        rest = np.where(rare, counts, 0.0).sum(axis=1)
        return np.concatenate([np.where(rare, 0.0, counts), rest[:, None]], axis=1)

    return merged(mine), merged(base)


def _sum(counts: Floats) -> Floats:
    """Return the sum of every row, added from left to right as the operator does.

    numpy's own order may give 99.99999999999999 where that gives 100.
    """
    return np.asarray(np.cumsum(counts, axis=1)[:, -1], dtype=np.float64)


def kl_divergence(mine: Floats, base: Floats, where: Bools) -> tuple[Floats, Floats, Floats]:
    """Return `statistics.kl_divergence` and `kl_bias` of every row, over the classes either saw.

    Of rows without counts something finite.
    """
    seen = (mine > 0) | (base > 0)
    k = np.maximum(seen.sum(axis=1), 1)
    n = np.where(where, _sum(mine), 1.0)
    m = np.where(where, _sum(base), 1.0)
    p = np.where(seen, (mine + SMOOTHING) / (n + SMOOTHING * k)[:, None], 0.0)
    q = np.where(seen, (base + SMOOTHING) / (m + SMOOTHING * k)[:, None], 1.0)
    ratios = np.log(np.where(seen, p / q, 1.0))
    plug_in = (p * ratios).sum(axis=1)
    of_mine = (p * ratios * ratios).sum(axis=1) - plug_in**2
    of_base = (p * p / q).sum(axis=1) - 1
    error = np.sqrt(np.maximum(0.0, of_mine / n) + np.maximum(0.0, of_base / m))
    bias = (k - 1) / 2 * (1 / n + 1 / m)
    return np.maximum(0.0, plug_in - bias), error, bias
