"""The page of metrics, read back by the parser of Prometheus' own client library."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.unit.scenes import SLOW, against, rolling
from transit_operator.api.status import RejectReason
from transit_operator.runtime.telling.metrics import Facts, Metrics

Found = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def mdep(name: str = "kepler", **status: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "ml", "name": name}, "status": status}


def read(page: bytes) -> Found:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def value(found: Found, name: str, **labels: str) -> float | None:
    return found.get((name, tuple(sorted(labels.items()))))


LEASE = "transit-system/transit-operator"
ROLLOUT = mdep(
    phase="Progressing",
    stable={"revision": "aaa"},
    candidate={"revision": "bbb"},
    versions={"stable": "1.0.0", "candidate": "1.1.0"},
    conditions=[
        {"type": "Accepted", "status": "True", "reason": "Pinned"},
        {"type": "MetricsAvailable", "status": "False", "reason": "NoSeries"},
        {"type": "RouteAccepted", "status": "Unknown", "reason": "NotSaid"},
        {"type": "Ready", "status": "False", "reason": "Progressing"},
        {"type": "Stalled", "status": "True", "reason": "RolledBack"},
    ],
    traffic=[{"revision": "aaa", "weight": 90}, {"revision": "bbb", "weight": 10}],
    signals=[
        {"signal": "errorRate", "value": 0.01, "threshold": 0.05},
        {"signal": "health"},
        {"signal": 'a "quoted\\name"', "value": 2.0, "threshold": 1e-9},
    ],
)


def test_the_fleet_of_a_leader() -> None:
    facts = Facts(True, 1.5, LEASE, queue_depth=3, longest=0.25, mdeps=[ROLLOUT, mdep("new")])
    found = read(Metrics().page(facts))
    kepler = {"model_deployment": "ml/kepler"}
    assert value(found, "transit_leader", lease=LEASE) == 1
    assert value(found, "transit_last_look_age_seconds") == 1.5
    assert value(found, "transit_queue_depth") == 3
    assert value(found, "transit_reconcile_longest_seconds") == 0.25
    assert value(found, "transit_modeldeployment_phase", phase="Progressing", **kepler) == 1
    assert value(found, "transit_modeldeployment_weight", revision="bbb", **kepler) == 10
    for role, revision, version in (("stable", "aaa", "1.0.0"), ("candidate", "bbb", "1.1.0")):
        labels = {"role": role, "revision": revision, "version": version, **kepler}
        assert value(found, "transit_modeldeployment_revision", **labels) == 1
    wrong = {
        dict(labels)["condition"]: dict(labels)["reason"]
        for name, labels in found
        if name == "transit_modeldeployment_problem"
    }
    assert wrong == {"MetricsAvailable": "NoSeries", "Stalled": "RolledBack"}
    assert value(found, "transit_signal_value", signal="errorRate", **kepler) == 0.01
    assert value(found, "transit_signal_threshold", signal="errorRate", **kepler) == 0.05
    assert value(found, "transit_signal_value", signal="health", **kepler) is None
    odd = {"signal": 'a "quoted\\name"', **kepler}
    assert value(found, "transit_signal_threshold", **odd) == 1e-9
    assert not [key for key in found if "ml/new" in str(key)], "it has no status yet"


def test_a_follower_tells_nothing_of_the_fleet() -> None:
    found = read(Metrics().page(Facts(leads=False, look_age=0.0, queue_depth=9, mdeps=[ROLLOUT])))
    assert value(found, "transit_leader", lease="") == 0
    assert not [name for name, _ in found if "modeldeployment" in name or "queue" in name]


def test_every_reason_is_there_before_its_first_rollback() -> None:
    metrics = Metrics()
    world = rolling()
    quiet = world.reconcile()
    world.readings = against(SLOW)
    world.now += 15
    turned_back = world.reconcile()
    for decision in (quiet, turned_back, world.reconcile()):
        metrics.decided(decision)
    found = read(metrics.page(Facts(leads=True, look_age=0.0)))
    counts = {
        r.value: value(found, "transit_rollbacks_total", reason=r.value) for r in RejectReason
    }
    assert counts == {r.value: 1 if r is RejectReason.LATENCY else 0 for r in RejectReason}


def test_a_warning_is_counted_once_when_it_begins() -> None:
    metrics = Metrics()
    warning = {"signal": "custom/cost", "verdict": "Fail", "mode": "Warn"}
    failing = {"signal": "drift", "verdict": "Fail"}
    well: dict[str, Any] = {"status": {"signals": []}}
    ill: dict[str, Any] = {"status": {"signals": [warning, failing]}}
    for before, after in ((well, ill), (ill, ill), (ill, well)):
        metrics.warned(before, after)
    page = metrics.page(Facts(leads=False, look_age=0.0)).decode()
    assert 'transit_signal_warnings_total{signal="custom"} 1.0' in page
    assert 'transit_signal_warnings_total{signal="drift"} 0.0' in page
