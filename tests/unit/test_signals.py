"""Readings in, verdict out: one table a signal. NoData is never Pass."""

from dataclasses import replace

import pytest

from tests.unit.world import good
from transit_operator.api.analysis import Analysis, CustomMetric
from transit_operator.api.status import Baseline, Evidence, Verdict
from transit_operator.core.observed import Counts, Latency, Problem, Readings, RevisionReadings
from transit_operator.core.signals.judge import (
    baseline_of,
    custom,
    drift,
    error_rate,
    judge,
    latency,
)
from transit_operator.core.times import rfc3339

NOW = 1_000_000_000.0
ANALYSIS = Analysis()
PASS, FAIL, NO_DATA = Verdict.PASS, Verdict.FAIL, Verdict.NO_DATA
KEPT = Baseline(
    latency=0.010,
    classes={"forest": {"A": 600.0, "B": 250.0, "C": 150.0}},
    samples=1000,
    time=rfc3339(NOW),
)
NOTHING = RevisionReadings()


def readings(candidate: RevisionReadings, stable: RevisionReadings | None = None) -> Readings:
    return Readings(candidate=candidate, stable=good() if stable is None else stable)


def counts(errors: float, predictions: float) -> Readings:
    return readings(RevisionReadings(counts=Counts(success=predictions - errors, error=errors)))


@pytest.mark.parametrize(
    ("errors", "predictions", "verdict"),
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
def test_error_rate(errors: float, predictions: float, verdict: Verdict) -> None:
    evidence = error_rate(ANALYSIS, counts(errors, predictions), NOW)
    assert evidence.verdict is verdict, evidence.message
    assert evidence.time == rfc3339(NOW)
    if predictions:
        assert evidence.samples == predictions
        assert evidence.threshold == 0.05
        assert evidence.window == 300
        assert evidence.value == pytest.approx(errors / predictions, rel=1e-5)


def test_error_rate_limit_of_zero_fails_at_the_first_error() -> None:
    strict = Analysis.model_validate({"errorRate": {"max": 0}})
    assert error_rate(strict, counts(1, 1000), NOW).verdict is FAIL
    assert error_rate(strict, counts(0, 1000), NOW).verdict is PASS


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
            good(), NOTHING, KEPT.model_copy(update={"latency": 0.0}), NO_DATA, id="kept zero"
        ),
        pytest.param(NOTHING, good(), None, NO_DATA, id="a candidate without series is no data"),
        pytest.param(
            replace(good(), latency=None), good(), None, NO_DATA, id="a candidate's NaN is no data"
        ),
        pytest.param(
            replace(good(), latency=Latency(0.01, 0.005, 0)), good(), None, NO_DATA, id="no samples"
        ),
    ],
)
def test_latency(
    candidate: RevisionReadings,
    stable: RevisionReadings,
    kept: Baseline | None,
    verdict: Verdict,
) -> None:
    evidence = latency(ANALYSIS, readings(candidate, stable), kept, NOW)
    assert evidence.verdict is verdict, evidence.message


def test_latency_evidence_has_every_number() -> None:
    evidence = latency(ANALYSIS, readings(good(p95=0.0314)), None, NOW)
    assert (evidence.value, evidence.baseline, evidence.threshold) == (0.0314, 0.010, 2.0)
    assert (evidence.samples, evidence.window) == (1000, 300)
    assert "3.14x over 2x" in evidence.message
    assert "p95" in evidence.message


def two_classes(share: float, total: float = 100_000) -> RevisionReadings:
    classes = {"A": share * total, "B": (1 - share) * total}
    return RevisionReadings(Counts(total, 0), Latency(0.01, 0.005, total), {"forest": classes})


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
    evidence = drift(ANALYSIS, readings(candidate, stable), kept, NOW)
    assert evidence.verdict is verdict, evidence.message


def by_model(**models: dict[str, float]) -> RevisionReadings:
    return RevisionReadings(Counts(1000, 0), Latency(0.01, 0.005, 1000), models)


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
            NO_DATA,
            "9 samples",
            id="one model without enough samples is no pass",
        ),
    ],
)
def test_drift_of_several_models(
    candidate: RevisionReadings, stable: RevisionReadings, verdict: Verdict, named: str
) -> None:
    evidence = drift(ANALYSIS, readings(candidate, stable), None, NOW)
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
    evidence = custom(metric, value, NOW)
    assert evidence.verdict is verdict, evidence.message
    assert evidence.signal == "custom/cost"
    if isinstance(value, Problem):
        assert evidence.message == value.message


@pytest.mark.parametrize("broken", ["errorRate", "latency", "drift"])
def test_a_failed_query_is_no_data_with_its_cause_and_never_a_pass(broken: str) -> None:
    problem = Problem("PrometheusSlow", "Prometheus did not answer in 5 s")
    said = replace(readings(good()), problems={broken: problem})
    found = {e.signal: e for e in judge(ANALYSIS, said, KEPT, NOW)}
    assert found[broken].verdict is NO_DATA
    assert found[broken].message == problem.message
    assert {e.verdict for name, e in found.items() if name != broken} == {PASS}


def test_a_failed_query_hides_no_failure_of_another_signal() -> None:
    said = replace(
        readings(good(errors=100)), problems={"drift": Problem("PrometheusSlow", "slow")}
    )
    verdicts = [e.verdict for e in judge(ANALYSIS, said, None, NOW)]
    assert verdicts == [FAIL, PASS, NO_DATA]


def test_signals_come_in_a_fixed_order() -> None:
    analysis = Analysis.model_validate({"custom": [{"name": "b", "query": "q", "max": 1}]})
    said = replace(readings(good()), custom={"b": 0.5})
    assert [e.signal for e in judge(analysis, said, None, NOW)] == [
        "errorRate",
        "latency",
        "drift",
        "custom/b",
    ]


def test_nothing_measured_is_no_data_for_every_signal() -> None:
    analysis = Analysis.model_validate({"custom": [{"name": "b", "query": "q", "max": 1}]})
    evidence: list[Evidence] = judge(analysis, Readings(), None, NOW)
    assert {e.verdict for e in evidence} == {NO_DATA}


@pytest.mark.parametrize(
    ("stable", "kept"),
    [
        pytest.param(good(), True, id="enough samples are kept"),
        pytest.param(good(99), False, id="too few are not kept"),
        pytest.param(replace(good(), latency=None), False, id="without latency it is not kept"),
        pytest.param(NOTHING, False, id="nothing is not kept"),
    ],
)
def test_which_baseline_is_worth_keeping(stable: RevisionReadings, kept: bool) -> None:
    found = baseline_of(readings(good(), stable), None, 100, NOW)
    assert (found is not None) is kept
    if found is not None:
        assert found.latency == 0.010
        assert found.samples == 1000
        assert found.classes == good().classes
