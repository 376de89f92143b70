"""The puppet shows Prometheus what the real server would: names, labels and bounds. No cluster."""

import re

import pytest

from tests.puppet import puppet
from transit_server.observability.metrics import Metrics, latency_buckets

MODELS = '[{"name": "forest", "version": "1.0.0"}]'
NOW = 1000.0
OF_THE_TESTS = "puppet_value"
READ = {
    "predictions_total",
    "prediction_latency_seconds_bucket",
    "prediction_latency_seconds_count",
    "predicted_class_total",
    "prediction_feedback_total",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSIT_MODEL_DEPLOYMENT", "ml/kepler")
    monkeypatch.setenv("TRANSIT_REVISION", "abc")
    monkeypatch.setenv("TRANSIT_MODELS", MODELS)


def series(text: str) -> dict[str, float]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def played(**behaviour: object) -> puppet.Counters:
    return puppet.Counters(puppet.changed(puppet.Behaviour(), behaviour), NOW)


def shapes(text: str) -> set[tuple[str, tuple[str, ...]]]:
    """Names with their labels' names."""
    return {
        (line.partition("{")[0], tuple(sorted(re.findall(r'(\w+)="', line))))
        for line in series(text)
        if not line.startswith(OF_THE_TESTS)
    }


def test_shows_the_series_that_the_operator_reads_as_the_server_does() -> None:
    real = Metrics("ml/kepler", "abc")
    model = real.model("forest", "1.0.0")
    model.requests.has_classes(["planet", "star"])
    model.loaded(0.1)
    model.differs(0)
    model.ready_is(lambda: 1.0)
    real.feedback.count("abc", "forest", "1.0.0", "correct")
    played_shapes = shapes(played().expose(NOW))
    assert played_shapes <= shapes(real.expose().decode())
    assert {name for name, _ in played_shapes} >= READ


def test_has_the_bounds_of_the_server() -> None:
    assert puppet.latency_buckets() == latency_buckets()


def test_counts_grow_evenly_and_a_change_counts_from_its_moment() -> None:
    counters = played(rate=10, errors=0.2)
    counters.change({"errors": 1}, NOW + 10)
    found = series(counters.expose(NOW + 12))
    of = 'model_deployment="ml/kepler",revision="abc",model="forest",version="1.0.0"'
    assert found[f'predictions_total{{{of},status="error"}}'] == pytest.approx(40)
    assert found[f'predictions_total{{{of},status="success"}}'] == pytest.approx(80)
    assert found[f'predictions_total{{{of},status="input_error"}}'] == 0
    assert found[f'predicted_class_total{{{of},class="star"}}'] == pytest.approx(40)
    assert found[f'prediction_latency_seconds_bucket{{{of},le="+Inf"}}'] == pytest.approx(120)


@pytest.mark.parametrize(
    "wrong", [{"eror": 1}, {"errors": 2}, {"busy": 2}, {"classes": {"star": 0.5}}, [], {"rate": -1}]
)
def test_refuses_what_it_can_not_play(wrong: object) -> None:
    with pytest.raises(puppet.Wrong):
        puppet.changed(puppet.Behaviour(), wrong)
