"""Drift with many classes: no power is NoData, a collapse is no Pass, and the words stay few."""

import math
import random

import pytest

from tests.unit.measured import measured, predicted, predictions
from transit_operator.api.analysis import Analysis
from transit_operator.api.status import Evidence, Verdict
from transit_operator.core.observed import Readings
from transit_operator.core.signals.baseline import missing
from transit_operator.core.signals.drift import DriftSignal
from transit_operator.core.signals.evidence import MESSAGE_LENGTH, Input
from transit_operator.core.signals.samples import classes
from transit_operator.core.signals.statistics import binary_kl

PASS, FAIL, NO_DATA = Verdict.PASS, Verdict.FAIL, Verdict.NO_DATA
NOW = 1_000_000_000.0
Weights = dict[str, float]


def judged(mine: Weights, base: Weights, analysis: Analysis | None = None) -> Evidence:
    said = Readings(measured(predicted(mine)), measured(predicted(base)))
    return DriftSignal().judge(Input(analysis or Analysis(), said, NOW))


def drawn(rng: random.Random, total: int, shares: Weights, of: int) -> Weights:
    """Return counts of a sample; every class that the model has is there, most at 0."""
    counts = {f"c{k}": 0.0 for k in range(of)}
    for name in rng.choices(list(shares), list(shares.values()), k=total):
        counts[name] += 1
    return counts


def even(k: int) -> Weights:
    return {f"c{n}": 1 / k for n in range(k)}


@pytest.mark.parametrize("k", [2, 3, 5, 10, 50, 200, 500, 1000, 5000])
@pytest.mark.parametrize(("n", "m"), [(100, 900), (300, 2700), (300, 300), (1000, 9000)])
def test_a_model_that_answers_one_class_for_everything_never_passes(k: int, n: int, m: int) -> None:
    base = drawn(random.Random(k), m, even(k), k)
    found = judged({**dict.fromkeys(even(k), 0.0), "c0": float(n)}, base)
    assert found.verdict in (FAIL, NO_DATA), found.message
    if k > 2:
        assert found.verdict is FAIL, found.message


@pytest.mark.parametrize("k", [3, 10, 100, 1000, 5000])
def test_flips_of_three_used_classes_among_many_fail(k: int) -> None:
    unused = {f"unused{n}": 0.0 for n in range(k - 3)}
    mine = {"a": 150.0, "b": 250.0, "c": 600.0, **unused}
    base = {"a": 5400.0, "b": 2250.0, "c": 1350.0, **unused}
    found = judged(mine, base)
    assert found.verdict is FAIL
    assert found.value == judged(dict(list(mine.items())[:3]), dict(list(base.items())[:3])).value


@pytest.mark.parametrize("k", [50, 200, 500, 1000])
@pytest.mark.parametrize("n", [100, 300, 1000, 4000])
def test_half_of_the_classes_gone_never_passes(k: int, n: int) -> None:
    """The true divergence is ln 2 = 0.69."""
    rng = random.Random(k * n)
    mine = drawn(rng, n, even(k // 2), k)
    found = judged(mine, drawn(rng, 9 * n, even(k), k))
    assert found.verdict is not PASS, found.message


def divergence(p: Weights, q: Weights) -> float:
    return sum(a * math.log(a / q[name]) for name, a in p.items() if a > 0)


def test_what_is_far_above_the_limit_never_passes() -> None:
    """Of any shape: samples that can't show it are no data."""
    rng = random.Random(7)
    far = 0
    for _ in range(1500):
        k = rng.choice([2, 3, 5, 8, 20, 60, 150, 400])
        base = [rng.gammavariate(rng.choice([0.3, 1, 5]), 1) + 1e-9 for _ in range(k)]
        mine = [b * math.exp(rng.gauss(0, rng.choice([0.3, 1, 2]))) for b in base]
        q = {f"c{n}": b / sum(base) for n, b in enumerate(base)}
        p = {f"c{n}": a / sum(mine) for n, a in enumerate(mine)}
        if divergence(p, q) < 0.9:  # three times the limit
            continue
        far += 1
        n = rng.choice([100, 200, 1000])
        found = judged(drawn(rng, n, p, k), drawn(rng, n * rng.choice([1, 9]), q, k))
        assert found.verdict is not PASS, (k, n, divergence(p, q), found.message)
    assert far > 100


@pytest.mark.parametrize("k", [2, 10, 100, 1000])
@pytest.mark.parametrize(("n", "m"), [(30, 270), (100, 100), (100, 900), (1000, 1000)])
def test_the_same_distribution_never_fails(k: int, n: int, m: int) -> None:
    rng = random.Random(1)
    for _ in range(40):
        found = judged(drawn(rng, n, even(k), k), drawn(rng, m, even(k), k))
        assert found.verdict is not FAIL, found.message


def test_with_enough_of_everything_many_classes_pass() -> None:
    rng = random.Random(3)
    zipf = {f"c{k}": 1 / (k + 1) for k in range(1000)}
    found = judged(drawn(rng, 20_000, zipf, 1000), drawn(rng, 20_000, zipf, 1000))
    assert found.verdict is PASS, found.message


def test_words_name_five_classes_and_are_short() -> None:
    names = {f"{'x' * 300}{k}": 100.0 for k in range(1000)}
    found = judged(dict.fromkeys(list(names)[:3], 1000.0), names)
    assert found.verdict is FAIL
    assert "and 995 more" in found.message
    assert len(found.message.encode()) <= MESSAGE_LENGTH


def test_a_kept_baseline_is_bounded_and_still_shows_a_collapse() -> None:
    counts = {f"class-{k:04}": 20.0 for k in range(5000)}
    kept = classes.bounded(counts)
    assert len(kept) <= classes.KEPT + classes.GROUPS
    assert sum(kept.values()) == sum(counts.values())
    assert judged({"class-4321": 1000.0}, kept).verdict is FAIL
    assert judged(counts, kept).verdict is PASS, "the same classes are the same groups"
    few = {"a": 1.0, "b": 2.0, "c": 0.0}
    assert classes.bounded(few) == {"a": 1.0, "b": 2.0}


def test_a_long_name_is_not_kept() -> None:
    kept = classes.bounded({"x" * 1000: 5.0, "y": 1.0})
    assert max(map(len, kept)) < 10


def test_models_without_classes_are_no_missing_data() -> None:
    said = Readings(measured(predictions(1000)), measured(predictions(1000)))
    found = DriftSignal().judge(Input(Analysis(), said, NOW))
    assert (found.verdict, found.reason) == (NO_DATA, "NoClasses")
    assert not missing(found), "a regression without bins is not held for ever"
    one_has = Readings(measured(predictions(1000)), measured(predicted({"a": 100.0})))
    assert missing(DriftSignal().judge(Input(Analysis(), one_has, NOW)))


def test_two_classes_have_a_divergence_in_closed_form() -> None:
    assert binary_kl(0.5, 0.5) == 0
    assert binary_kl(1, 0.5) == pytest.approx(math.log(2))
    assert binary_kl(0.5, 0) == math.inf
