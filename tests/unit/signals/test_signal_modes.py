"""Signals that are off, or only warn; several models; whose word counts; what is never said."""

import pytest

from tests.unit.measured import latencies, measured, predicted, predictions
from tests.unit.scenes import (
    FAILING,
    FLIPPED,
    SLOW,
    UNREACHABLE,
    V2,
    against,
    candidate,
    rejected,
    rolling,
    rollout,
    run_until_weight,
    serving,
    stable,
    update,
)
from tests.unit.world import good
from transit_operator.adapters.asking import masked
from transit_operator.api.analysis import Analysis
from transit_operator.api.status import Verdict
from transit_operator.core.observed import Readings, RevisionReadings, Sample
from transit_operator.core.signals import registry
from transit_operator.core.signals.evidence import (
    MESSAGE_LENGTH,
    Input,
    capped,
    ladder,
)
from transit_operator.core.signals.samples.query import (
    CLASSES,
    FEEDBACK,
    LATENCIES,
    PREDICTIONS,
    Believed,
    Query,
    own,
    unplaced,
)

PASS, FAIL, NO_DATA = Verdict.PASS, Verdict.FAIL, Verdict.NO_DATA
NOW = 1_000_000_000.0
BAD = {"errorRate": FAILING, "latency": SLOW, "drift": FLIPPED}


@pytest.mark.parametrize("signal", BAD)
@pytest.mark.parametrize("off", [None, {"mode": "Off"}])
def test_a_signal_that_is_off_is_neither_judged_nor_told(
    signal: str, off: dict[str, str] | None
) -> None:
    overrides = rollout(analysis={signal: off})
    world = rolling(10, **overrides)
    world.readings = against(BAD[signal])
    world.run(30)
    assert world.status.rejected is None
    assert signal not in {e.signal for e in world.status.signals}
    run_until_weight(world, 100)


@pytest.mark.parametrize("signal", BAD)
def test_a_signal_that_warns_is_told_and_holds_nothing(signal: str) -> None:
    world = rolling(10, **rollout(analysis={signal: {"mode": "Warn"}}))
    world.readings = against(BAD[signal])
    world.run(15)
    found = next(e for e in world.status.signals if e.signal == signal)
    assert (found.verdict, found.mode) == (FAIL, "Warn")
    assert f"warning: {found.message}" in str(world.status.message)
    metrics = next(c for c in world.status.conditions if c.type == "MetricsAvailable")
    assert f"warning: {signal}: " in metrics.message
    run_until_weight(world, 100)


def test_a_signal_that_warns_holds_no_step_without_data() -> None:
    warn = {name: {"mode": "Warn"} for name in ("latency", "traffic")}
    world = rolling(10, **rollout(analysis=warn))
    world.readings = Readings(
        good(), good(), problems={"latencies": UNREACHABLE.problems["latencies"]}
    )
    run_until_weight(world, 50)


@pytest.mark.parametrize("health", [None, {"mode": "Off"}, {"mode": "Warn"}])
def test_health_can_be_off_or_warn(health: dict[str, str] | None) -> None:
    overrides = rollout(analysis={"health": health})
    world = rolling(10, **overrides)
    name = candidate(world).revision
    for _ in range(5):
        world.crash(name)
        world.run(15)
        world.recover(name)
    assert world.status.rejected is None
    world.run(600)
    assert stable(world) == name


def test_all_signals_off_still_needs_prometheus_to_see_the_pods() -> None:
    off = dict.fromkeys(("errorRate", "latency", "drift", "invalid", "traffic"))
    overrides = rollout(analysis=off)
    world = serving(**overrides)
    world.readings = UNREACHABLE
    update(world, V2, **overrides)
    world.run(60)
    assert candidate(world).weight == 0


def test_what_is_off_is_not_asked() -> None:
    names = {query.name for query in registry.queries(Analysis())}
    assert names == {"predictions", "latencies", "classes"}
    off = Analysis.model_validate({"drift": None, "latency": None, "traffic": None})
    assert registry.queries(off) == [PREDICTIONS]
    shared = Analysis.model_validate({"latency": None})
    assert LATENCIES in registry.queries(shared), "traffic counts requests by it"


def two_models(errors: float = 0, slow: float = 1) -> RevisionReadings:
    return measured(
        predictions(960, model="cnn"),
        latencies(0.010, 0.005, 960, model="cnn"),
        predictions(40 - errors, error=errors, model="xgb"),
        latencies(0.010 * slow, 0.005 * slow, 40, model="xgb"),
        predicted({"A": 600.0, "B": 360.0}, "cnn"),
        predicted({"A": 20.0, "B": 20.0}, "xgb"),
    )


def verdicts(mine: RevisionReadings, base: RevisionReadings) -> dict[str, tuple[Verdict, str]]:
    found = registry.judge(Input(Analysis(), Readings(mine, base), NOW))
    return {e.signal: (e.verdict, e.message) for e in found}


def test_one_model_that_always_fails_is_turned_back_by_name() -> None:
    """4 % of all requests: under the limit of all together (C22)."""
    verdict, message = verdicts(two_models(errors=40), two_models())["errorRate"]
    assert verdict is FAIL
    assert message.startswith("xgb: error rate 100.0% over 5.0%")


def test_one_model_that_is_slow_is_turned_back_by_name() -> None:
    base = measured(
        latencies(0.010, 0.005, 9600, model="cnn"), latencies(0.010, 0.005, 400, model="xgb")
    )
    verdict, message = verdicts(two_models(slow=10), base)["latency"]
    assert verdict is FAIL
    assert message.startswith("xgb: latency 10.00x over 2x")


def test_a_rare_model_holds_nobody_and_is_told() -> None:
    found = verdicts(two_models(), two_models())
    for signal in ("errorRate", "latency", "drift", "invalid"):
        verdict, message = found[signal]
        assert verdict is PASS, (signal, message)
        assert "(xgb: too little of it to judge alone)" in message


def test_models_that_are_all_rare_are_judged_together() -> None:
    mine = measured(*(predictions(30, model=f"m{n}") for n in range(10)))
    assert verdicts(mine, mine)["errorRate"][0] is PASS
    few = measured(*(predictions(3, model=f"m{n}") for n in range(10)))
    assert verdicts(few, few)["errorRate"][0] is NO_DATA


def test_a_failing_model_in_a_rollout() -> None:
    world = rolling(10)
    world.readings = against(two_models(errors=40))
    world.run(15)
    assert rejected(world).reason == "ErrorRate"


@pytest.mark.parametrize(
    ("over", "sure", "enough", "plenty", "verdict"),
    [
        (True, True, False, False, FAIL),
        (True, False, True, True, FAIL),
        (True, False, True, False, NO_DATA),
        (True, False, False, False, NO_DATA),
        (False, False, True, False, PASS),
        (False, True, False, False, NO_DATA),
    ],
)
def test_the_ladder(over: bool, sure: bool, enough: bool, plenty: bool, verdict: Verdict) -> None:
    assert ladder(over=over, sure=lambda: sure, enough=enough, plenty=plenty) is verdict


def labels(**more: str) -> dict[str, str]:
    return {"model_deployment": "ml/m", "revision": "r", **more}


MINE: Sample = (labels(namespace="ml", status="success"), 1.0)
UNPLACED: Sample = (labels(status="error"), 2.0)
FOREIGN: Sample = (labels(namespace="evil", status="error"), 900.0)
NAN: Sample = (labels(namespace="ml", status="invalid"), float("nan"))


def test_a_pod_of_another_namespace_speaks_for_nobody_here() -> None:
    found = own([MINE, UNPLACED, FOREIGN, NAN], "namespace")
    assert found.samples == {("ml/m", "r"): (MINE,)}
    assert own([FOREIGN], "namespace") == Believed({}), "and that it tried holds nobody"


def test_series_that_dont_say_where_they_are_from_are_told() -> None:
    assert own([UNPLACED, FOREIGN], "namespace") == Believed({}, frozenset({"ml/m"}))
    said = unplaced(PREDICTIONS, "kubernetes_namespace")
    assert said.reason == "NoNamespace"
    assert "predictions_total" in said.message
    assert "'kubernetes_namespace'" in said.message
    assert "prometheus.namespaceLabel" in said.message


def test_the_condition_says_that_the_namespace_is_missing() -> None:
    world = rolling(10)
    said = unplaced(PREDICTIONS, "namespace")
    world.readings = Readings(problems={"predictions": said, "latencies": said, "classes": said})
    world.run(60)
    metrics = next(c for c in world.status.conditions if c.type == "MetricsAvailable")
    assert (metrics.status, metrics.reason) == ("False", "NoNamespace")
    assert "prometheus.namespaceLabel" in metrics.message
    assert candidate(world).weight == 10


def test_the_label_has_the_name_that_the_scrape_gives_it() -> None:
    mine: Sample = (labels(kubernetes_namespace="ml", namespace="monitoring"), 1.0)
    foreign: Sample = (labels(kubernetes_namespace="evil", namespace="ml"), 1.0)
    found = own([mine, foreign], "kubernetes_namespace")
    assert found == Believed({("ml/m", "r"): (mine,)})


def test_where_no_label_is_to_be_looked_at_every_series_is_believed() -> None:
    assert own([UNPLACED, FOREIGN], "") == Believed({("ml/m", "r"): (UNPLACED, FOREIGN)})


def test_the_query_asks_for_some_and_counts_each_pod_once() -> None:
    text = PREDICTIONS.promql(300, ["ml/b", "ml/a"], "namespace")
    assert 'predictions_total{model_deployment=~"ml/a|ml/b"}[300000ms]' in text
    assert text.startswith(
        "sum by (status, model, namespace, model_deployment, revision) (max by ("
    )


@pytest.mark.parametrize("query", [PREDICTIONS, LATENCIES, CLASSES, FEEDBACK], ids=lambda q: q.name)
def test_every_query_brings_along_where_its_series_are_from(query: Query) -> None:
    inner = "instance, pod, version, " + ", ".join(query.by)
    text = query.promql(60, ["ml/m"], "kubernetes_namespace")
    assert f"max by ({inner}, kubernetes_namespace, model_deployment, revision)" in text
    assert "namespace" not in query.promql(60, ["ml/m"], "")


def test_two_series_where_one_was_asked_for_are_no_data() -> None:
    one: Sample = (labels(model="forest", status="success"), 5.0)
    twin: Sample = (labels(model="forest", status="success", replica="b"), 5.0)
    other: Sample = (labels(model="forest", status="error"), 5.0)
    assert PREDICTIONS.several([one, other]) is None
    problem = PREDICTIONS.several([one, other, twin])
    assert problem is not None
    assert problem.reason == "ManySeries"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://prometheus:9090", "http://prometheus:9090"),
        ("http://reader:s3cret@prometheus:9090/x", "http://prometheus:9090/x"),
        ("https://reader@prometheus", "https://prometheus"),
        ("http://reader:p@ss/word@prometheus:9090", "http://prometheus:9090"),
        ("reader:s3cret@prometheus:9090", "prometheus:9090"),
    ],
)
def test_no_password_is_told(url: str, told: str) -> None:
    assert masked(url) == told


def test_every_message_is_short() -> None:
    assert capped("x" * MESSAGE_LENGTH) == "x" * MESSAGE_LENGTH
    assert len(capped("ü" * MESSAGE_LENGTH).encode()) <= MESSAGE_LENGTH
    many = measured(*(predictions(1000, error=1, model="m" * 60 + str(n)) for n in range(200)))
    found = registry.judge(Input(Analysis(), Readings(many, many), NOW))
    assert all(len(e.message.encode()) <= MESSAGE_LENGTH for e in found)
