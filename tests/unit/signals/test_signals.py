"""Readings in, verdict out: one table a signal. NoData is never Pass."""

import math
from dataclasses import replace

import pytest

from tests.unit.measured import (
    latencies,
    measured,
    predicted,
    predictions,
    with_only,
    without,
)
from tests.unit.world import good
from transit_operator.api.analysis import Analysis, CustomMetric
from transit_operator.api.status import Baseline, Evidence, ModelBaseline, Verdict
from transit_operator.core.observed import Problem, Readings, RevisionReadings
from transit_operator.core.signals import registry
from transit_operator.core.signals.evidence import Input
from transit_operator.core.signals.kept import baseline_of
from transit_operator.core.signals.samples.histogram import Histogram, pooled
from transit_operator.core.times import rfc3339

NOW = 1_000_000_000.0
ANALYSIS = Analysis()
PASS, FAIL, NO_DATA = Verdict.PASS, Verdict.FAIL, Verdict.NO_DATA
KEPT = Baseline(
    latency=0.010,
    models={"forest": ModelBaseline(latency=0.010, samples=1000, requests=1000)},
    classes={"forest": {"A": 600.0, "B": 250.0, "C": 150.0}},
    samples=1000,
    time=rfc3339(NOW),
)
NOTHING = RevisionReadings()


def readings(candidate: RevisionReadings, stable: RevisionReadings | None = None) -> Readings:
    return Readings(candidate=candidate, stable=good() if stable is None else stable)


def judge(analysis: Analysis, said: Readings, kept: Baseline | None = None) -> list[Evidence]:
    return registry.judge(Input(analysis, said, NOW, kept))


def one(
    signal: str, said: Readings, kept: Baseline | None = None, analysis: Analysis = ANALYSIS
) -> Evidence:
    return next(e for e in judge(analysis, said, kept) if e.signal == signal)


def counts(errors: float, total: float) -> Readings:
    return readings(measured(predictions(success=total - errors, error=errors)))


@pytest.mark.parametrize(
    ("errors", "total", "verdict"),
    [
        pytest.param(0, 1000, PASS, id="no error passes"),
        pytest.param(49, 1000, PASS, id="just under the limit passes"),
        pytest.param(50, 1000, PASS, id="exactly the limit passes"),
        pytest.param(51, 1000, FAIL, id="just over the limit fails"),
        pytest.param(1000, 1000, FAIL, id="all errors fail"),
        pytest.param(5, 100, PASS, id="exactly minSamples is enough to pass"),
        pytest.param(6, 100, NO_DATA, id="just over with few samples may be chance"),
        pytest.param(11, 100, NO_DATA, id="eleven of a hundred are chance in one of 87"),
        pytest.param(12, 100, FAIL, id="twelve of a hundred are no chance"),
        pytest.param(51, 999, NO_DATA, id="just over with almost plenty may be chance"),
        pytest.param(0, 99, NO_DATA, id="one sample too few is no pass"),
        pytest.param(1, 3, NO_DATA, id="one of three is no verdict"),
        pytest.param(5, 99, NO_DATA, id="slightly over with too few is no verdict"),
        pytest.param(10, 10, FAIL, id="ten of ten needs no hundredth"),
        pytest.param(10.4, 10.4, FAIL, id="ten of ten as Prometheus extrapolates it"),
        pytest.param(30, 99, FAIL, id="thirty of ninety-nine is overwhelming"),
        pytest.param(0, 0, NO_DATA, id="no predictions is no data"),
    ],
)
def test_error_rate(errors: float, total: float, verdict: Verdict) -> None:
    evidence = one("errorRate", counts(errors, total))
    assert evidence.verdict is verdict, evidence.message
    assert evidence.time == rfc3339(NOW)
    if total:
        assert evidence.samples == total
        assert evidence.threshold == 0.05
        assert evidence.window == 300
        assert evidence.value == pytest.approx(errors / total, rel=1e-5)


@pytest.mark.parametrize(
    ("success", "error", "verdict"),
    [
        pytest.param(1000, 0, PASS, id="no errors"),
        pytest.param(990, 10, PASS, id="and they make a share of errors no smaller"),
        pytest.param(0, 0, NO_DATA, id="nor a pass where nothing else was"),
        pytest.param(0, 10, FAIL, id="nor hide what failed"),
    ],
)
def test_refusals_for_want_of_capacity_are(success: float, error: float, verdict: Verdict) -> None:
    said = readings(measured(predictions(success=success, error=error, refused=5000)))
    evidence = one("errorRate", said)
    assert evidence.verdict is verdict, evidence.message
    assert evidence.samples == success + error


def test_error_rate_limit_of_zero_fails_at_the_first_error() -> None:
    strict = Analysis.model_validate({"errorRate": {"max": 0}})
    assert one("errorRate", counts(1, 1000), analysis=strict).verdict is FAIL
    assert one("errorRate", counts(0, 1000), analysis=strict).verdict is PASS


@pytest.mark.parametrize(
    ("candidate", "stable", "kept", "verdict"),
    [
        pytest.param(good(p95=0.0199), good(), None, PASS, id="just under twice passes"),
        pytest.param(good(p95=0.0200), good(), None, PASS, id="exactly twice passes"),
        pytest.param(good(p95=0.0201), good(), None, FAIL, id="just over twice fails"),
        pytest.param(good(p95=5.0), good(p95=5.0), None, PASS, id="both slow alike passes"),
        pytest.param(good(p95=0.001), good(), None, PASS, id="faster passes"),
        pytest.param(good(), good(p95=0.0), None, NO_DATA, id="a baseline of zero is no data"),
        pytest.param(good(), NOTHING, None, NO_DATA, id="a missing baseline is no data"),
        pytest.param(good(p95=9), NOTHING, None, NO_DATA, id="slow without baseline is no data"),
        pytest.param(good(), good(99), None, NO_DATA, id="a baseline of few samples is no data"),
        pytest.param(good(99, p95=0.0199), good(), None, NO_DATA, id="too few is no pass"),
        pytest.param(good(99, p95=0.0201), good(), None, NO_DATA, id="slightly over, too few"),
        pytest.param(good(10, p95=0.1, median=0.05), good(), None, FAIL, id="ten of ten slow"),
        pytest.param(good(1, p95=0.1, median=0.05), good(), None, NO_DATA, id="one of one slow"),
        pytest.param(good(p95=0.0201), NOTHING, KEPT, FAIL, id="over the kept baseline fails"),
        pytest.param(good(p95=0.0200), NOTHING, KEPT, PASS, id="within the kept baseline passes"),
        pytest.param(good(p95=0.0201), good(3, p95=1), KEPT, FAIL, id="kept beats a few strays"),
        pytest.param(good(p95=0.05), good(p95=0.05), KEPT, PASS, id="same time beats kept"),
        pytest.param(
            good(),
            NOTHING,
            KEPT.model_copy(update={"latency": 0.0, "models": {}}),
            NO_DATA,
            id="kept 0",
        ),
        pytest.param(NOTHING, good(), None, NO_DATA, id="a candidate without series is no data"),
        pytest.param(
            without(good(), "latencies"), good(), None, NO_DATA, id="a candidate's NaN is no data"
        ),
        pytest.param(
            with_only(good(), measured(latencies(0.01, 0.005, 0))),
            good(),
            None,
            NO_DATA,
            id="empty",
        ),
    ],
)
def test_latency(
    candidate: RevisionReadings,
    stable: RevisionReadings,
    kept: Baseline | None,
    verdict: Verdict,
) -> None:
    evidence = one("latency", readings(candidate, stable), kept)
    assert evidence.verdict is verdict, evidence.message


def test_a_histogram_with_nothing_but_its_last_bucket_is_no_data() -> None:
    """As whoever scrapes it may leave it. Its quantile was infinite, which is no JSON."""
    only = {"latencies": (({"model": "forest", "le": "+Inf"}, 1000.0),)}
    candidate = with_only(good(), measured(only))
    evidence = one("latency", readings(candidate, good()), None)
    assert (evidence.verdict, evidence.value) == (NO_DATA, None)


def test_latency_evidence_has_every_number() -> None:
    evidence = one("latency", readings(good(p95=0.0314)))
    assert (evidence.value, evidence.baseline, evidence.threshold) == (0.0314, 0.010, 2.0)
    assert (evidence.samples, evidence.window) == (1000, 300)
    assert "3.14x over 2x" in evidence.message
    assert "p95" in evidence.message


def two_classes(share: float, total: float = 100_000) -> RevisionReadings:
    classes = {"A": share * total, "B": (1 - share) * total}
    return measured(predictions(total), latencies(0.01, 0.005, total), predicted(classes))


# KL((x, 1-x) || (0.5, 0.5)) is 0.3 at x = 0.86641
@pytest.mark.parametrize(
    ("candidate", "stable", "kept", "verdict"),
    [
        pytest.param(two_classes(0.5), two_classes(0.5), None, PASS, id="the same passes"),
        pytest.param(two_classes(0.8662), two_classes(0.5), None, PASS, id="just under passes"),
        pytest.param(two_classes(0.8666), two_classes(0.5), None, FAIL, id="just over fails"),
        pytest.param(two_classes(1.0), two_classes(0.0), None, FAIL, id="disjoint classes fail"),
        pytest.param(two_classes(1, 99), two_classes(1), None, NO_DATA, id="99 alike, no pass"),
        pytest.param(two_classes(1, 10), two_classes(0.5), None, NO_DATA, id="ten heads of ten"),
        pytest.param(two_classes(1, 30), two_classes(0.1), None, FAIL, id="thirty of thirty odd"),
        pytest.param(two_classes(0.5), two_classes(0.5, 99), None, NO_DATA, id="stable has few"),
        pytest.param(two_classes(0.5), NOTHING, None, NO_DATA, id="stable has none"),
        pytest.param(NOTHING, two_classes(0.5), None, NO_DATA, id="the candidate has none"),
        pytest.param(two_classes(0, 0), two_classes(0.5), None, NO_DATA, id="only zero counts"),
        pytest.param(good(), NOTHING, KEPT, PASS, id="like the kept baseline passes"),
        pytest.param(
            good(classes={"A": 150.0, "B": 250.0, "C": 600.0}),
            NOTHING,
            KEPT,
            FAIL,
            id="unlike the kept baseline fails",
        ),
    ],
)
def test_drift(
    candidate: RevisionReadings,
    stable: RevisionReadings,
    kept: Baseline | None,
    verdict: Verdict,
) -> None:
    evidence = one("drift", readings(candidate, stable), kept)
    assert evidence.verdict is verdict, evidence.message


def by_model(**models: dict[str, float]) -> RevisionReadings:
    return measured(*(predicted(classes, model) for model, classes in models.items()))


EVEN = {"A": 500.0, "B": 500.0}
ODD = {"A": 990.0, "B": 10.0}


@pytest.mark.parametrize(
    ("candidate", "stable", "verdict", "named"),
    [
        pytest.param(
            by_model(cnn=EVEN, xgb=ODD), by_model(cnn=EVEN, xgb=EVEN), FAIL, "xgb", id="the largest"
        ),
        pytest.param(
            by_model(cnn=EVEN, xgb=ODD),
            by_model(cnn=EVEN, forest=EVEN),
            PASS,
            "cnn",
            id="only models in common are compared",
        ),
        pytest.param(
            by_model(xgb=EVEN),
            by_model(forest=EVEN),
            PASS,
            "all models",
            id="a replaced model is compared with the old one's answers",
        ),
        pytest.param(
            by_model(xgb=ODD), by_model(forest=EVEN), FAIL, "all models", id="a worse replacement"
        ),
        pytest.param(
            by_model(cnn=EVEN, xgb={"A": 9.0}),
            by_model(cnn=EVEN, xgb=EVEN),
            PASS,
            "xgb: too little",
            id="a model with too few samples holds nobody, and is told",
        ),
        pytest.param(
            by_model(cnn={"A": 9.0}, xgb={"A": 9.0}),
            by_model(cnn=EVEN, xgb=EVEN),
            NO_DATA,
            "9 samples",
            id="with too few of every model it is no pass",
        ),
        pytest.param(
            by_model(cnn=EVEN, xgb={"A": 60.0}),
            by_model(cnn=EVEN, xgb={"B": 1000.0}),
            FAIL,
            "xgb",
            id="a rare model that surely differs fails",
        ),
    ],
)
def test_drift_of_several_models(
    candidate: RevisionReadings, stable: RevisionReadings, verdict: Verdict, named: str
) -> None:
    evidence = one("drift", readings(candidate, stable))
    assert evidence.verdict is verdict, evidence.message
    assert named in evidence.message


@pytest.mark.parametrize(
    ("bounds", "value", "verdict"),
    [
        pytest.param({"max": 0.5}, 0.5, PASS, id="exactly max passes"),
        pytest.param({"max": 0.5}, 0.500001, FAIL, id="just over max fails"),
        pytest.param({"min": 0.5}, 0.5, PASS, id="exactly min passes"),
        pytest.param({"min": 0.5}, 0.499999, FAIL, id="just under min fails"),
        pytest.param({"min": 0, "max": 1}, 0.5, PASS, id="between both passes"),
        pytest.param({"min": 0, "max": 1}, 1.1, FAIL, id="over both fails"),
        pytest.param({"min": 0, "max": 1}, -0.1, FAIL, id="under both fails"),
        pytest.param({"max": 0}, 0.0, PASS, id="a bound of zero is a bound"),
        pytest.param({"max": 0}, 1e-9, FAIL, id="over a bound of zero fails"),
        pytest.param({"max": 1}, None, NO_DATA, id="no answer is no data"),
        pytest.param(
            {"max": 1}, Problem("NotANumber", "the result is nan"), NO_DATA, id="NaN is no data"
        ),
    ],
)
def test_custom(bounds: dict[str, float], value: float | Problem | None, verdict: Verdict) -> None:
    metric = CustomMetric.model_validate({"name": "cost", "query": "q", **bounds})
    said = Readings(custom={} if value is None else {"cost": value})
    evidence = one("custom/cost", said, analysis=Analysis(custom=[metric]))
    assert evidence.verdict is verdict, evidence.message
    assert evidence.signal == "custom/cost"
    if isinstance(value, Problem):
        assert evidence.message == value.message


@pytest.mark.parametrize(
    ("query", "broken"),
    [
        ("predictions", {"errorRate", "invalid", "traffic"}),
        ("latencies", {"latency", "traffic"}),
        ("classes", {"drift"}),
    ],
)
def test_a_failed_query_is_no_data_with_its_cause_and_never_a_pass(
    query: str, broken: set[str]
) -> None:
    problem = Problem("PrometheusSlow", "Prometheus did not answer in 5 s")
    said = replace(readings(good()), problems={query: problem})
    found = {e.signal: e for e in judge(ANALYSIS, said, KEPT)}
    assert {name for name, e in found.items() if e.verdict is NO_DATA} == broken
    assert {found[name].message for name in broken} == {problem.message}
    assert {e.verdict for name, e in found.items() if name not in broken} == {PASS}


def test_a_failed_query_hides_no_failure_of_another_signal() -> None:
    said = replace(
        readings(good(errors=100)), problems={"classes": Problem("PrometheusSlow", "slow")}
    )
    verdicts = [e.verdict for e in judge(ANALYSIS, said)]
    assert verdicts == [FAIL, PASS, NO_DATA, PASS, PASS]


def test_signals_come_in_a_fixed_order() -> None:
    analysis = Analysis.model_validate({"custom": [{"name": "b", "query": "q", "max": 1}]})
    said = replace(readings(good()), custom={"b": 0.5})
    assert [e.signal for e in judge(analysis, said)] == [
        "errorRate",
        "latency",
        "drift",
        "invalid",
        "traffic",
        "custom/b",
    ]


def test_nothing_measured_is_no_data_for_every_signal() -> None:
    analysis = Analysis.model_validate({"custom": [{"name": "b", "query": "q", "max": 1}]})
    evidence: list[Evidence] = judge(analysis, Readings())
    assert {e.verdict for e in evidence} == {NO_DATA}


@pytest.mark.parametrize(
    ("stable", "kept"),
    [
        pytest.param(good(), True, id="enough samples are kept"),
        pytest.param(good(99), False, id="too few are not kept"),
        pytest.param(without(good(), "latencies"), True, id="without latency, too"),
        pytest.param(NOTHING, False, id="nothing is not kept"),
    ],
)
def test_which_baseline_is_worth_keeping(stable: RevisionReadings, kept: bool) -> None:
    found = baseline_of(ANALYSIS, readings(good(), stable), None, NOW)
    assert (found is not None) is kept
    if found is not None:
        timed = "latencies" in stable.samples
        assert found.latency == (0.010 if timed else None)
        assert found.quantile == (0.95 if timed else None)
        assert found.samples == 1000
        assert found.classes == {"forest": {"A": 600.0, "B": 250.0, "C": 150.0}}


def test_histograms_with_different_bounds_are_pooled_by_what_is_surely_below() -> None:
    coarse = Histogram((1.5, math.inf), (10.0, 20.0))
    fine = Histogram((1.0, 2.0, math.inf), (1.0, 3.0, 4.0))
    assert pooled([fine, coarse]) == Histogram((1.0, 1.5, 2.0, math.inf), (1.0, 11.0, 13.0, 24.0))
    assert pooled([fine]) == fine
    assert pooled([]) == Histogram((), ())
