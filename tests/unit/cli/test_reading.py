"""What the command line reads of a ModelDeployment: revisions, the step and its clock, signals."""

import pytest

from tests.unit.cli.seen import pods_of, seen
from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    SLOW,
    UNREACHABLE,
    against,
    rolling,
    rollout,
    serving,
)
from tests.unit.world import STEPS, World
from transit_cli.rollout.status.pods import read_pod
from transit_cli.rollout.status.reading import read
from transit_cli.rollout.status.shown import Shown
from transit_cli.rollout.status.times import human, seconds
from transit_operator.api import duration


def shown(world: World, now: float | None = None) -> Shown:
    return read(seen(world), pods_of(world), now)


def test_a_settled_one_has_a_stable_revision_and_no_step() -> None:
    found = shown(serving())
    assert (found.phase, found.step, found.signals) == ("Stable", None, ())
    (stable,) = found.revisions
    assert (stable.role, stable.revision, stable.weight) == ("stable", R1, 100)
    assert stable.models == "forest 1.0.0"
    assert [pod.ready for pod in stable.pods] == [True, True, True]


def test_a_rollout_has_both_and_their_real_weights() -> None:
    found = shown(rolling(10))
    parts = [(one.role, one.revision, one.weight, one.asked) for one in found.revisions]
    assert parts == [("candidate", R2, 10, 10), ("stable", R1, 90, None)]


def test_at_the_last_step_the_stable_is_a_standby() -> None:
    assert [one.role for one in shown(rolling(100)).revisions] == ["candidate", "standby"]


def test_a_rejected_one_is_told_with_its_reason() -> None:
    world = rolling(10)
    world.readings = against(FAILING)
    world.run(15)
    found = shown(world)
    assert found.rejected is not None
    assert (found.rejected.revision, found.rejected.reason) == (R2, "ErrorRate")
    assert found.rejected.models == "forest 2.0.0"
    assert "rejected" in [one.role for one in found.revisions]


def test_the_clock_of_a_step_goes_on_between_two_evaluations() -> None:
    world = rolling(10)
    world.run(15)
    step = shown(world).step
    assert step is not None
    assert (step.number, step.of, step.weight) == (1, 3, 10)
    assert (step.held_seconds, step.hold_seconds) == (15, 30)
    assert step.left_seconds == 15 + 30 + 60
    assert step.waits is None
    later = shown(world, world.now + 7).step
    assert later is not None
    assert later.held_seconds == 22
    much_later = shown(world, world.now + 600).step
    assert much_later is not None
    assert much_later.held_seconds == 30  # the operator is away: no more than a gap counts


def blind() -> World:
    world = rolling(10)
    world.readings = UNREACHABLE
    world.run(20)
    return world


def paused() -> World:
    world = rolling(10)
    world.action = "pause/1"
    world.run(5)
    return world


def asking() -> World:
    steps = [{**step, "approval": step["weight"] == 10} for step in STEPS]
    world = rolling(10, **rollout(steps=steps))
    world.run(45)
    return world


def without_pods() -> World:
    world = serving()
    world.broken.add(R2)
    world.spec = rolling(10).spec
    world.run(10)
    return world


@pytest.mark.parametrize(
    ("world", "waits"),
    [
        (blind, "waits for data: errorRate: Prometheus can't be reached"),
        (paused, "paused"),
        (asking, "waits for approval"),
        (without_pods, "waiting for pods, 0 of 1 ready"),
    ],
)
def test_why_the_clock_stands_still(world: object, waits: str) -> None:
    assert callable(world)
    made = world()
    step = shown(made, made.now + 10).step
    assert step is not None
    assert step.waits is not None
    assert step.waits.startswith(waits)
    before = shown(made).step
    assert before is not None
    assert step.held_seconds == before.held_seconds


def test_signals_say_what_is_held_against_their_bound() -> None:
    world = rolling(10)
    world.readings = against(SLOW)
    world.run(15)
    signals = {signal.signal: signal for signal in shown(world).signals}
    latency = signals["latency"]
    assert latency.verdict == "Fail"
    assert latency.value == pytest.approx(0.021)
    assert latency.measure == pytest.approx(2.1)
    assert latency.bound == 2.0
    assert latency.used == pytest.approx(1.05)
    assert signals["errorRate"].measure == 0


def test_conditions_are_shown_where_something_is_wrong_only() -> None:
    assert shown(rolling(10)).conditions == ()
    (condition,) = shown(blind()).conditions
    assert (condition.type, condition.reason) == ("MetricsAvailable", "PrometheusUnreachable")


def test_a_status_that_is_not_there_yet_is_no_crash() -> None:
    found = read({"metadata": {"namespace": "ml", "name": "new"}, "spec": {}})
    assert (found.phase, found.revisions, found.step) == ("Unknown", (), None)


def pod(**status: object) -> dict[str, object]:
    return {"metadata": {"name": "p"}, "spec": {}, "status": status}


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/2 nodes are available",
                    }
                ]
            },
            "Unschedulable: 0/2 nodes are available",
        ),
        (
            {"phase": "Failed", "reason": "Evicted", "message": "out of disk"},
            "Evicted: out of disk",
        ),
        (
            {
                "containerStatuses": [
                    {
                        "ready": False,
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        "lastState": {"terminated": {"exitCode": 1, "message": "a\nno model\n"}},
                    }
                ]
            },
            "CrashLoopBackOff: no model",
        ),
        (
            {
                "containerStatuses": [
                    {"ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
                ]
            },
            "coming up",
        ),
    ],
)
def test_what_keeps_a_pod_from_being_ready(status: dict[str, object], why: str) -> None:
    assert read_pod(pod(**status)).why == why


@pytest.mark.parametrize("text", ["250ms", "30s", "15m", "1h30m", "24h"])
def test_durations_are_those_of_the_resource(text: str) -> None:
    assert seconds(text) == duration.seconds(text)


@pytest.mark.parametrize(
    ("total", "text"),
    [(0, "0s"), (45, "45s"), (3900, "1h5m"), (3601, "1h"), (86400, "1d"), (270000, "3d3h")],
)
def test_durations_for_people(total: float, text: str) -> None:
    assert human(total) == text
