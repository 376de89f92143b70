"""The signal `drift`: KL(candidate ‖ stable) of the predicted classes, for each model.

With many classes and few predictions the estimate can't tell a collapse from chance: then it is
NoData, unless one class alone shows it. docs/concepts/statistics.md has the formulas and
what they cost.
Neighbours: `classes` counts and groups; `kept` has the stable's last counts.
"""

from collections.abc import Mapping

from ...api.analysis import Analysis, Drift
from ...api.status import Evidence, RejectReason, Verdict
from .evidence import (
    ALL_MODELS,
    NAMED,
    NO_BASELINE,
    NO_CLASSES,
    NO_SERIES,
    Finding,
    Input,
    blind,
    evidence,
    ladder,
    no_data,
    too_few,
    worst,
)
from .samples import classes, counts
from .samples.classes import Counts
from .samples.query import CLASSES
from .statistics import Z, binary_kl, kl_bias, kl_divergence, lower_bound, upper_bound

NAME = "drift"

# The correction for small samples must be small itself, or what it is taken from says nothing.
POWER = 3  # the limit is at least so many times the correction
LARGEST_BIAS = 0.15  # nats; whatever the limit


class DriftSignal:
    """Fails when the classes are distributed differently by more than `maxKL`."""

    name = NAME
    reason = RejectReason.DRIFT
    queries = (CLASSES,)
    compares = True

    def rule(self, analysis: Analysis) -> Drift | None:
        return analysis.drift

    def judge(self, i: Input) -> Evidence:
        rule = i.analysis.drift
        assert rule is not None
        if absent := blind(i, NAME, CLASSES):
            return absent
        mine = classes.by_model(i.readings.candidate)
        stable: Mapping[str, Counts] = classes.by_model(i.readings.stable)
        if i.kept is not None:
            kept = i.kept.classes
            if classes.total(stable) < max(i.analysis.min_samples, classes.total(kept)):
                stable = kept
        if not mine and not stable and _answers(i):
            text = "the models have no classes: there is nothing to compare"
            return no_data(NAME, NO_CLASSES, text, i.now)
        pairs = _pairs(mine, stable)
        if not pairs:
            text = "no predicted classes of both revisions to compare yet"
            return no_data(NAME, NO_BASELINE if mine else NO_SERIES, text, i.now)
        found = {m: _judged(i, rule.max_kl, *pair, len(pairs)) for m, pair in pairs.items()}
        return worst(found, named=True)


def _answers(i: Input) -> bool:
    """Tell whether the candidate has predicted something, so that classes would have been seen."""
    return counts.pooled(counts.by_model(i.readings.candidate)).success > 0


def _pairs(
    mine: Mapping[str, Counts], stable: Mapping[str, Counts]
) -> dict[str, tuple[Counts, Counts]]:
    """Pair the models that both revisions serve; where none is common, compare all together."""
    mine = {model: found for model, c in mine.items() if (found := classes.seen(c))}
    base = {model: found for model, c in stable.items() if (found := classes.seen(c))}
    common = sorted(set(mine) & set(base))
    if common:
        return {model: (mine[model], base[model]) for model in common}
    if mine and base:
        return {ALL_MODELS: (classes.pooled(mine), classes.pooled(base))}
    return {}


def _judged(i: Input, limit: float, mine: Counts, base: Counts, tests: int) -> Finding:
    mine = classes.like(mine, base)
    n, m = sum(mine.values()), sum(base.values())
    few, few_base = classes.tail(mine, base)
    divergence, error = kl_divergence(few, few_base)
    samples = i.enough(n) and i.enough(m)
    bias = kl_bias(few, few_base)
    able = samples and bias <= min(limit / POWER, LARGEST_BIAS)
    alone = one_class_alone(mine, base, limit, tests)
    over = divergence > limit or alone > limit
    verdict = ladder(
        over=over,
        sure=lambda: alone > limit or divergence - Z * error > limit,
        enough=able,
        plenty=able,
    )
    divergence = max(divergence, alone) if over else divergence
    text = f"drift {divergence:.3f} {'over' if over else 'within'} {limit:g}: {_shares(mine, base)}"
    if verdict is Verdict.NO_DATA:
        text = too_few(min(n, m), i.analysis.min_samples)
        if samples:
            text = f"{round(n)} and {round(m)} predictions are too few for {len(few)} classes"
    found = evidence(
        i, NAME, verdict, text, value=divergence, baseline=0.0, threshold=limit, samples=n
    )
    return Finding(found, rare=not samples)


def one_class_alone(mine: Counts, base: Counts, limit: float, tests: int) -> float:
    """Return how far the candidate's commonest class alone surely parts the two, in nats.

    0 where that is not above the limit.

    Of two classes, this one and all others, the divergence is never above that of all classes. Each
    bound is at 99 % for all classes that it might have been (Bonferroni), so it is no chance.
    """
    n, m = sum(mine.values()), sum(base.values())
    name = max(mine, key=lambda c: (mine[c], c))
    if binary_kl(mine[name] / n, base.get(name, 0.0) / m) <= limit:
        return 0.0
    tests *= 2 * len(set(mine) | set(base))
    low = lower_bound(mine[name], n, tests)
    high = upper_bound(base.get(name, 0.0), m, tests)
    surely = binary_kl(low, high) if low > high else 0.0
    return surely if surely > limit else 0.0


def _shares(mine: Counts, base: Counts) -> str:
    """Return the shares of the classes that differ most, for people."""
    n, m = sum(mine.values()), sum(base.values())
    names = sorted(
        set(mine) | set(base),
        key=lambda c: (-abs(mine.get(c, 0.0) / n - base.get(c, 0.0) / m), c),
    )
    told = sorted(names[:NAMED])
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""

    def words(counts: Counts, total: float) -> str:
        return " ".join(f"{_short(c)} {counts.get(c, 0.0) / total:.0%}" for c in told)

    return f"{words(mine, n)} against {words(base, m)} of stable{more}"


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"
