"""What rejects a candidate: signals, health, custom metrics."""

from dataclasses import replace

import pytest

from tests.unit.scenes import (
    FAILING,
    FLIPPED,
    R1,
    R2,
    SLOW,
    UNREACHABLE,
    V2,
    against,
    candidate,
    last,
    lose_pod,
    phase,
    rejected,
    rolling,
    rollout,
    run_until_weight,
    serving,
    stable,
    update,
)
from tests.unit.world import good
from transit_operator.api.status import Phase
from transit_operator.core.observed import Readings

CUSTOM = rollout(analysis={"custom": [{"name": "cost", "query": "q", "max": 1}]})


@pytest.mark.parametrize("weight", [10, 50, 100])
@pytest.mark.parametrize(
    ("readings", "reason", "signal"),
    [
        pytest.param(against(FAILING), "ErrorRate", "errorRate", id="error rate"),
        pytest.param(against(SLOW), "Latency", "latency", id="latency"),
        pytest.param(against(FLIPPED), "Drift", "drift", id="drift"),
        pytest.param(
            replace(against(good()), custom={"cost": 2.0}), "Custom", "custom/cost", id="custom"
        ),
    ],
)
def test_one_failure_moves_traffic_back_in_the_same_evaluation(
    readings: Readings, reason: str, signal: str, weight: int
) -> None:
    world = serving(**CUSTOM)
    world.readings = replace(against(good()), custom={"cost": 0.0})
    update(world, V2, **CUSTOM)
    run_until_weight(world, weight)
    world.readings = readings if signal.startswith("custom") else replace(
        readings, custom={"cost": 0.0}
    )  # fmt: skip
    world.now = (world.now // 15 + 1) * 15
    world.reconcile()
    assert world.traffic == {R1: 100}, "at once"
    world.settle()
    assert phase(world) is Phase.ROLLED_BACK
    assert (rejected(world).revision, rejected(world).reason) == (R2, reason)
    evidence = rejected(world).evidence
    assert evidence is not None
    assert evidence.signal == signal
    assert evidence.value is not None
    assert last(world, "Rejected").evidence == [evidence]
    world.run(30)
    assert set(world.pods) == {R1}


def test_ten_failures_of_ten_are_enough() -> None:
    world = rolling(10)
    world.readings = against(good(predictions=10, errors=10))
    world.run(15)
    assert rejected(world).reason == "ErrorRate"


@pytest.mark.parametrize(
    "readings",
    [
        pytest.param(against(good(p95=3), good(p95=3)), id="both slow alike"),
        pytest.param(
            against(good(predictions=3, errors=1), good(27)), id="one error in three requests"
        ),
        pytest.param(against(good(p95=3), good(p95=0)), id="a baseline of zero"),
        pytest.param(Readings(), id="nothing at all"),
        pytest.param(UNREACHABLE, id="Prometheus is down"),
    ],
)
def test_no_rollback_for(readings: Readings) -> None:
    world = rolling(10)
    world.readings = readings
    world.run(3600)
    assert world.status.rejected is None


@pytest.mark.parametrize(
    ("evaluations", "turned_back"),
    [
        pytest.param("ffpffp", False, id="fail, fail, pass, fail, fail, pass never rolls back"),
        pytest.param("ffpffpffpffp", False, id="nor when it goes on like that"),
        pytest.param("fff", True, id="three in a row do"),
        pytest.param("ffpfff", True, id="three in a row do, later"),
        pytest.param("ff", False, id="two are not three"),
    ],
)
def test_health(evaluations: str, turned_back: bool) -> None:
    hold = rollout(steps=[{"weight": 10, "hold": "1h"}, {"weight": 100, "hold": "1h"}])
    world = rolling(10, **hold)
    for evaluation in evaluations:
        if evaluation == "f":
            lose_pod(world, R2)
        world.run(15)
        if R2 in world.pods:
            world.recover(R2)
    assert (world.status.rejected is not None) is turned_back
    if turned_back:
        assert rejected(world).reason == "Health"


def test_a_restart_counts_though_the_pod_is_ready_again() -> None:
    world = rolling(10)
    for _ in range(3):
        world.crash(R2)
        world.recover(R2)
        world.run(15)
    assert rejected(world).reason == "Health"
    assert "restarts" in rejected(world).message


def test_a_restart_of_long_ago_counts_once() -> None:
    world = rolling(10)
    world.crash(R2)
    world.recover(R2)
    world.run(300)
    assert world.status.rejected is None
    assert stable(world) == R2


@pytest.mark.parametrize("readings", [UNREACHABLE, Readings()], ids=["down", "empty"])
def test_health_counts_while_there_is_no_data(readings: Readings) -> None:
    world = rolling(50)
    world.readings = readings
    lose_pod(world, R2)
    world.run(45)
    assert rejected(world).reason == "Health"


def test_an_unhealthy_candidate_takes_no_step() -> None:
    world = rolling(10, **rollout(analysis={"health": {"consecutiveFailures": 100}}))
    lose_pod(world, R2)
    world.run(300)
    assert candidate(world).weight == 10
    assert candidate(world).held_seconds == 0
