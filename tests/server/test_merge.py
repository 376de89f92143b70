"""Metrics of several processes → metrics of one; feedback of several is neither lost nor falls."""

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from transit_server.late_series import FeedbackSeries
from transit_server.metrics import CIRCUIT_STATES, Metrics
from transit_server.workers.merge import Family, exposed, families_of, merged


def process(**changes: float | str) -> Metrics:
    """One worker's metrics, after some requests."""
    metrics = Metrics("ml/kepler", "aaaa000011")
    model = metrics.model("xgboost", "1.0.0")
    model.has_classes(("A", "B"))
    model.succeeded([0, 1, 1])
    model.took(0.001)
    model.took(float(changes.get("took", 0.5)))
    model.loaded(float(changes.get("load", 1.0)))
    model.is_ready(bool(changes.get("ready", 1)))
    model.queue_is(lambda: float(changes.get("queue", 0)))
    model.circuit_is(str(changes.get("circuit", "closed")))
    metrics.refused("rate_limited", str(changes.get("client", "web")))
    return metrics


def sent(metrics: Metrics) -> list[Family]:
    """As another worker gets them."""
    packed = msgspec.msgpack.encode(families_of(metrics.registry))
    return msgspec.msgpack.decode(packed, type=list[Family])


def samples(text: bytes) -> dict[tuple[str, str], float]:
    """(name, the label that tells its series apart) → value."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = [sample.labels.get(name) for name in ("status", "class", "le", "state",
                                                           "client")]  # fmt: skip
            found[sample.name, "".join(label for label in labels if label)] = sample.value
    return found


def test_of_one_is_what_it_was() -> None:
    one = process()
    assert exposed(merged([sent(one)])) == generate_latest(one.registry)


def test_each_kind_by_its_rule() -> None:
    first = process(took=0.002, load=1.5, queue=3, client="web")
    second = process(took=20.0, load=0.5, queue=4, ready=0, client="app")
    got = samples(exposed(merged([sent(first), sent(second)])))
    assert got["predictions_total", "success"] == 6
    assert got["predicted_class_total", "B"] == 4
    assert got["prediction_latency_seconds_count", ""] == 4
    assert got["prediction_latency_seconds_sum", ""] == pytest.approx(20.004)
    assert got["prediction_latency_seconds_bucket", "30.0"] == 4
    assert got["prediction_latency_seconds_bucket", "+Inf"] == 4
    buckets = [v for (name, _), v in got.items() if name == "prediction_latency_seconds_bucket"]
    assert buckets == sorted(buckets)
    assert 3 in buckets
    assert got["model_load_time_seconds", ""] == 1.5
    assert got["model_queue_rows", ""] == 7
    assert got["model_ready", ""] == 0
    # A series that only one of them has.
    assert got["requests_refused_total", "web"] == got["requests_refused_total", "app"] == 1


def test_not_ready_while_one_has_no_such_model_yet() -> None:
    without = Metrics("ml/kepler", "aaaa000011")
    assert samples(exposed(merged([sent(process()), sent(without)])))["model_ready", ""] == 0


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        (("closed", "closed"), "closed"),
        (("closed", "half_open"), "half_open"),
        (("open", "half_open", "closed"), "open"),
    ],
)
def test_the_worst_circuit_is_told(states: tuple[str, ...], worst: str) -> None:
    got = samples(exposed(merged([sent(process(circuit=state)) for state in states])))
    told = {state: got["model_circuit_state", state] for state in CIRCUIT_STATES}
    assert told == {state: float(state == worst) for state in CIRCUIT_STATES}


class Pair:
    """Two workers' feedback, scraped as one."""

    def __init__(self, limit: int) -> None:
        self.registries = CollectorRegistry(), CollectorRegistry()
        self.series = [FeedbackSeries(registry, "ml/kepler", limit) for registry in self.registries]

    def scrape(self) -> dict[str, float]:
        """Revision → count of `wrong`."""
        new = [series.held() for series in self.series]
        gone = sorted({key for series in self.series for key in series.gone()})
        (family,) = merged([families_of(registry) for registry in self.registries], gone)
        for series, keys in zip(self.series, new, strict=True):
            series.shown(keys, gone)
        return {
            dict(labels)["revision"]: value
            for _, labels, value in family.samples
            if dict(labels)["outcome"] == "wrong"
        }


def test_feedback_of_two() -> None:
    pair = Pair(limit=8)
    pair.series[0].count("a", "m", "1.0.0", "wrong")
    assert pair.scrape() == {"a": 0}
    assert pair.scrape() == {"a": 1}
    pair.series[1].count("a", "m", "1.0.0", "wrong")
    pair.series[0].count("a", "m", "1.0.0", "wrong")
    assert pair.scrape() == {"a": 2}  # the second's is new there, and comes a scrape later
    assert pair.scrape() == {"a": 3}


def test_a_series_that_one_drops_begins_anew_in_all() -> None:
    """Else the sum would fall from 5 to 2, which Prometheus takes for 2 more."""
    pair = Pair(limit=2)
    for index, count in ((0, 2), (1, 3)):
        for _ in range(count):
            pair.series[index].count("a", "m", "1.0.0", "wrong")
    pair.scrape()
    assert pair.scrape() == {"a": 5}
    for revision in ("b", "c"):
        pair.series[1].count(revision, "m", "1.0.0", "wrong")
    assert pair.scrape() == {"b": 0, "c": 0}
    assert pair.scrape() == {"b": 1, "c": 1}
    pair.series[0].count("a", "m", "1.0.0", "wrong")
    assert pair.scrape() == {"a": 0, "b": 1, "c": 1}
    assert pair.scrape() == {"a": 1, "b": 1, "c": 1}


def test_a_series_that_comes_back_before_the_scrape_is_seen_at_0() -> None:
    pair = Pair(limit=1)
    pair.series[0].count("a", "m", "1.0.0", "wrong")
    pair.scrape()
    assert pair.scrape() == {"a": 1}
    pair.series[0].count("b", "m", "1.0.0", "wrong")
    pair.series[0].count("a", "m", "1.0.0", "wrong")
    assert pair.scrape() == {}
    assert pair.scrape() == {"a": 0}
    assert pair.scrape() == {"a": 1}
