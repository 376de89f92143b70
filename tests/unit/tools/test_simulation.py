"""The simulation's shortcuts equal the operator's own rules: verdicts, clock, quantiles."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulation.report import at_most, percentile
from benchmarks.simulation.rollouts import Rollouts
from benchmarks.simulation.traffic import Fault, Histogram, Regime, lognormal, two_modes
from benchmarks.simulation.verdicts import JUDGED, Figures, Kept, check, judge, kl_divergence
from benchmarks.simulation.windows import Window, histogram_quantile
from tests.unit.scenes import UNTRIED, V2, rollout, serving
from tests.unit.world import revision, spec
from transit_operator.api.analysis import Analysis
from transit_operator.api.rollout import Rollout
from transit_operator.api.status import Verdict
from transit_operator.core.observed import Readings
from transit_operator.core.signals import statistics

SCRAPED = 20 / 19  # how `increase` extrapolates


def figures(rng: np.random.Generator, rows: int, classes: int, quantile: float) -> Figures:
    """Return readings around every edge: nothing, ten, 100 and 1000 samples, at the thresholds."""
    total = rng.choice([0, 1, 3, 9, 10, 40, 95, 96, 100, 130, 300, 949, 950, 951, 3000], rows)
    wrong = rng.choice([0.0, 0.01, 0.05, 0.06, 0.1, 0.5, 1.0], rows)
    errors = rng.binomial(total, wrong)
    p95 = rng.choice([0.005, 0.0199, 0.02, 0.0201, 0.04], rows)
    median = rng.choice([0.3, 0.9], rows) if quantile > 0.5 else np.ones(rows)
    outer = rng.choice([0.6, 0.99], rows)
    if quantile > 0.5:
        outer = np.maximum(median + 0.05, outer)  # quantiles of one histogram rise
    nan = np.where(total > 0, 1.0, np.nan)
    mixes = rng.dirichlet(np.full(classes, 0.7), rows)
    counts = np.array(
        [rng.multinomial(n, mix) for n, mix in zip(total - errors, mixes, strict=True)]
    )
    return Figures(
        success=np.asarray((total - errors) * SCRAPED, dtype=np.float64),
        error=np.asarray(errors * SCRAPED, dtype=np.float64),
        quantile=p95 * nan,
        median=p95 * median * nan,
        outer=p95 * outer * nan,
        requests=total * SCRAPED,
        classes=counts * SCRAPED,
    )


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("quantile", [0.5, 0.95, 0.99])
def test_verdicts_are_those_of_the_operator(classes: int, quantile: float) -> None:
    rng = np.random.default_rng(classes)
    analysis = Analysis.model_validate({"latency": {"quantile": quantile}})
    rows = 1500
    mine, stable = figures(rng, rows, classes, quantile), figures(rng, rows, classes, quantile)
    stable.quantile[:] = np.where(stable.requests > 0, 0.010, np.nan)
    stable.median[:] = stable.quantile * (0.5 if quantile > 0.5 else 1.0)
    stable.outer[:] = stable.quantile * 0.5
    kept = Kept(np.full(rows, np.nan), np.zeros((rows, classes)), np.zeros(rows))
    older = figures(rng, rows, classes, quantile)
    kept.renew(older, rng.random(rows) < 0.8, analysis.min_samples)
    kept.latency = np.where(np.isnan(kept.latency), np.nan, 0.010)
    found = judge(analysis, mine, stable, kept)
    for i in range(rows):
        check(analysis, mine, stable, kept, found, i)  # raises where they differ
    for signal in range(len(JUDGED)):
        fail, blind = found.fail[:, signal], found.blind[:, signal]
        assert fail.any(), "a table without a Fail proves little"
        assert blind.any()
        assert not (fail | blind).all()


def test_a_difference_is_no_result() -> None:
    rng = np.random.default_rng(0)
    analysis = Analysis()
    mine, stable = figures(rng, 5, 3, 0.95), figures(rng, 5, 3, 0.95)
    kept = Kept(np.full(5, np.nan), np.zeros((5, 3)), np.zeros(5))
    found = judge(analysis, mine, stable, kept)
    found.fail[2, 0] = ~found.fail[2, 0]
    with pytest.raises(RuntimeError, match=r"differ from the operator's"):
        check(analysis, mine, stable, kept, found, 2)


@given(
    st.lists(
        st.lists(st.integers(0, 500), min_size=4, max_size=4).filter(lambda c: sum(c) > 0),
        min_size=2,
        max_size=2,
    )
)
def test_divergence_is_that_of_the_operator(counts: list[list[int]]) -> None:
    mine, base = (np.array([row], dtype=float) for row in counts)
    found = kl_divergence(mine, base, np.array([True]))
    names = "ABCD"
    seen = [any(pair) for pair in zip(*counts, strict=True)]
    real = statistics.kl_divergence(
        *({c: float(x) for c, x, s in zip(names, row, seen, strict=True) if s} for row in counts)
    )
    assert (found[0][0], found[1][0]) == pytest.approx(real, rel=1e-9, abs=1e-9)


def test_quantile_is_linear_inside_its_bucket() -> None:
    edges = np.array([0.0, 1.0, 2.0, 4.0])
    counts = np.array([[10, 10, 20], [0, 0, 8], [1, 0, 0], [0, 0, 0]])
    found = histogram_quantile(0.75, counts, edges)
    assert found[:3] == pytest.approx([3.0, 3.5, 0.75])
    assert np.isnan(found[3])


def test_window_forgets_what_is_older_and_extrapolates_the_rest() -> None:
    window = Window(rows=1, columns=1, scrapes=4)
    for count in (100, 1, 2, 3):
        window.push(np.array([[count]]))
    assert window.increase()[0, 0] == pytest.approx(6 * 4 / 3)
    window.push(None)
    assert window.increase()[0, 0] == pytest.approx(5 * 4 / 3)


def test_chances_of_the_buckets_are_those_of_the_shape() -> None:
    shape = two_modes(0.05)
    histogram = Histogram(shape, (1.0, 3.0))
    for factor in (1.0, 3.0):
        chances = histogram.chances(factor)
        assert chances.sum() == pytest.approx(1.0)
        below = [shape.below(edge, factor) for edge in histogram.edges[1:-1]]
        assert np.cumsum(chances)[:-1] == pytest.approx(below)
    assert shape.below(0.010, 1.0) == pytest.approx(0.95 / 2, abs=1e-6)


def test_upper_bound_of_a_rate() -> None:
    assert at_most(0, 299) == pytest.approx(1 - 0.05 ** (1 / 299))  # the rule of three
    assert at_most(5, 5) == 1.0
    low, high = 8 / 1000, 0.0144
    assert low < at_most(8, 1000) == pytest.approx(high, abs=2e-4)


def test_percentile_is_a_value_that_occurs() -> None:
    assert [percentile(range(1, 21), p) for p in (50, 95, 100)] == [10, 19, 20]


STEPS = [
    {"weight": 10, "hold": "5m"},
    {"weight": 50, "hold": "5m"},
    {"weight": 100, "hold": "10m"},
]
BORDERLINE = Regime("", rps=10, errors=0.025, shape=two_modes(0.03), classes=(0.5, 0.3, 0.2))


@pytest.mark.parametrize(
    ("regime", "fault", "ends"),
    [
        pytest.param(Regime("", rps=20), None, {"promoted"}, id="a good version is promoted"),
        pytest.param(BORDERLINE, None, {"promoted"}, id="one that is blind now and then"),
        pytest.param(
            replace(BORDERLINE, rps=4), Fault("", errors=0.09), {"errorRate"}, id="errors"
        ),
        pytest.param(
            replace(BORDERLINE, shape=lognormal(1.0)), Fault("", slower=2.6), {"latency"}, id="slow"
        ),
        pytest.param(
            Regime("", rps=20),
            Fault("", classes=(2, 1, 0), after=700),
            {"drift"},
            id="one that goes bad at 100 %",
        ),
    ],
)
def test_rollouts_go_as_the_whole_decision_says(
    regime: Regime, fault: Fault | None, ends: set[str]
) -> None:
    """Every rollout is lived twice: in the simulation, and through `decide` with its readings."""
    rows = 5
    simulated = Rollouts(
        regime, fault, Rollout.model_validate({"steps": STEPS}), rows=rows, seed=11
    )
    worlds = [serving(**rollout(steps=STEPS)) for _ in range(rows)]
    for world in worlds:
        world.spec = spec(V2, **rollout(steps=STEPS))
        world.readings = Readings(UNTRIED)
        world.run(15)
        assert world.status.candidate is not None
        assert world.status.candidate.weight == 10
    running, came = set(range(rows)), set()
    for tick in range(1, 240):
        simulated.tick(tick)
        assert simulated.seen is not None
        mine, stable = simulated.seen
        for i in sorted(running):
            world = worlds[i]
            world.now += 15
            world.readings = Readings(mine.row(i, 0.95), stable.row(i, 0.95))
            world.settle()
            candidate = world.status.candidate
            if simulated.alive[i]:
                assert candidate is not None
                assert candidate.held_seconds == simulated.held[i]
                assert candidate.step == simulated.step[i] + 1
                assert (candidate.blind_since is not None) == simulated.blind[i]
                continue
            running.remove(i)
            rejected = world.status.rejected
            if rejected is None:
                assert world.status.stable is not None
                assert world.status.stable.revision == revision(V2)
                came.add("promoted")
            else:
                assert rejected.evidence is not None
                assert rejected.evidence.verdict is Verdict.FAIL
                came.add(rejected.evidence.signal)
                assert simulated.outcome.failed[rejected.evidence.signal] > 0
    assert not running, "every rollout ends"
    assert came == ends
