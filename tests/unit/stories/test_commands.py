"""The annotation `transit.dev/action`: every verb, once, whatever state things are in."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    R3,
    UNREACHABLE,
    V2,
    V3,
    against,
    candidate,
    last,
    lose_pods,
    phase,
    reasons,
    rolling,
    rollout,
    run_until_weight,
    say,
    serving,
    stable,
    update,
)
from tests.unit.world import World, good
from transit_operator.api.status import Phase
from transit_operator.core.rules.commands import HANDLERS

FOREVER = rollout(
    steps=[
        {"weight": 10, "hold": "99h"},
        {"weight": 50, "hold": "99h"},
        {"weight": 100, "hold": "99h"},
    ]
)


def stuck() -> World:
    """A candidate whose pods don't come up."""
    world = serving()
    world.broken.add(R2)
    update(world, V2)
    return world


def blind() -> World:
    """A candidate at 10 % of which nothing is known: Prometheus is down."""
    world = rolling(10)
    world.readings = UNREACHABLE
    world.run(60)
    return world


def rolled_back() -> World:
    world = rolling(50)
    world.readings = against(FAILING)
    world.run(15)
    world.readings = against(good())
    return world


def promoted() -> World:
    world = rolling(100)
    world.run(120)
    assert stable(world) == R2
    return world


def test_the_verbs_are_those_of_the_contract() -> None:
    assert set(HANDLERS) == {
        "promote", "promote-full", "abort", "retry", "pause", "resume", "rollback", "resolve",
    }  # fmt: skip


def test_promote_goes_on_by_one_step_without_waiting_for_the_hold() -> None:
    world = rolling(10, **FOREVER)
    say(world, "promote/1")
    assert candidate(world).weight == 50
    world.run(300)
    assert candidate(world).weight == 50, "one step, not more"
    say(world, "promote/2")
    assert candidate(world).weight == 100
    say(world, "promote/3")
    assert stable(world) == R2


@pytest.mark.parametrize("weight", [10, 50, 100])
def test_promote_full_makes_it_stable_from_any_step(weight: int) -> None:
    world = rolling(weight)
    say(world, "promote-full/1")
    assert stable(world) == R2
    assert world.traffic == {R2: 100}
    assert phase(world) is Phase.STABLE


@pytest.mark.parametrize("weight", [10, 50, 100])
def test_abort_turns_back_at_once(weight: int) -> None:
    world = rolling(weight)
    world.action = "abort/1"
    world.reconcile()
    assert world.traffic == {R1: 100}
    world.settle()
    assert phase(world) is Phase.ROLLED_BACK
    assert world.status.rejected is not None
    assert world.status.rejected.reason == "Aborted"
    world.run(600)
    assert world.status.candidate is None, "not tried again by itself"


def test_retry_tries_a_rejected_revision_again_from_the_first_step() -> None:
    world = rolled_back()
    say(world, "retry/1")
    assert candidate(world).revision == R2
    assert world.status.rejected is None
    run_until_weight(world, 10)
    world.run(300)
    assert stable(world) == R2


def test_a_retried_revision_that_fails_again_is_turned_back_again() -> None:
    world = rolled_back()
    say(world, "retry/1")
    world.readings = against(FAILING)
    world.run(300)
    assert phase(world) is Phase.ROLLED_BACK
    assert reasons(world).count("Rejected") == 2


def test_pause_stands_still_and_resume_goes_on() -> None:
    world = rolling(10)
    say(world, "pause/1")
    assert phase(world) is Phase.PAUSED
    world.run(3600)
    assert candidate(world).weight == 10
    assert world.traffic == {R1: 90, R2: 10}
    say(world, "resume/2")
    run_until_weight(world, 50)


def test_a_paused_candidate_still_rolls_back() -> None:
    world = rolling(10)
    say(world, "pause/1")
    world.readings = against(FAILING)
    world.run(15)
    assert world.traffic == {R1: 100}
    assert phase(world) is Phase.ROLLED_BACK


def test_rollback_brings_the_previous_stable_back_and_stays_there() -> None:
    world = promoted()
    say(world, "rollback/1")
    assert stable(world) == R1
    assert world.traffic == {R1: 100}
    assert phase(world) is Phase.ROLLED_BACK
    assert world.status.rejected is not None
    assert world.status.rejected.revision == R2
    world.run(600)
    assert world.traffic == {R1: 100}, "the spec still asks for 2.0.0, but doesn't get it"
    update(world, V3)
    assert candidate(world).revision == R3
    assert stable(world) == R1


def test_rollback_during_a_rollout_turns_the_candidate_back() -> None:
    world = rolling(50)
    say(world, "rollback/1")
    assert stable(world) == R1
    assert world.traffic == {R1: 100}
    assert phase(world) is Phase.ROLLED_BACK


def test_rollback_takes_no_traffic_from_stable_before_the_previous_one_is_ready() -> None:
    world = promoted()
    world.broken.add(R1)
    say(world, "rollback/1")
    assert world.traffic == {R2: 100}
    world.broken.clear()
    world.recover(R1)
    world.settle()
    assert stable(world) == R1
    assert world.traffic == {R1: 100}


def test_a_rollback_that_never_comes_up_leaves_stable_in_place() -> None:
    world = promoted()
    world.broken.add(R1)
    say(world, "rollback/1")
    world.run(600)
    assert stable(world) == R2
    assert world.traffic == {R2: 100}
    assert world.status.candidate is None
    assert phase(world) is Phase.STABLE


@pytest.mark.parametrize(
    ("start", "verb"),
    [
        (lambda: rolling(10, **FOREVER), "promote"),
        (lambda: rolling(10, **FOREVER), "promote-full"),
        (lambda: rolling(10, **FOREVER), "abort"),
        (lambda: rolling(10, **FOREVER), "pause"),
        (rolled_back, "retry"),
        (promoted, "rollback"),
    ],
    ids=["promote", "promote-full", "abort", "pause", "retry", "rollback"],
)
def test_each_value_acts_once(start: Callable[[], World], verb: str) -> None:
    world = start()
    say(world, f"{verb}/1")
    assert world.status.handled_action == f"{verb}/1"
    after = (candidate(world).weight if world.status.candidate else None, stable(world))
    history = world.status.history
    world.settle()
    if verb != "retry":
        world.run(30)
        assert world.status.history == history
    assert (candidate(world).weight if world.status.candidate else None, stable(world)) == after
    world.action = ""  # removed, and the status forgets nothing
    world.settle()
    assert world.status.handled_action == f"{verb}/1"
    say(world, f"{verb}/1")
    assert world.status.history == history


@pytest.mark.parametrize(
    ("start", "action", "why"),
    [
        (serving, "promote/1", "there is no candidate"),
        (serving, "promote-full/1", "there is no candidate"),
        (serving, "abort/1", "there is no candidate"),
        (serving, "retry/1", "no revision was rejected"),
        (serving, "resume/1", "it isn't paused"),
        (serving, "rollback/1", "there was no stable before"),
        (serving, "fly/1", "the commands are abort, pause, promote,"),
        (serving, "/1", "is not a command"),
        (World, "rollback/1", "there was no stable before"),
    ],
    ids=["promote", "promote-full", "abort", "retry", "resume", "rollback", "unknown", "empty",
         "before the first deployment"],
)  # fmt: skip
def test_a_command_without_effect_is_said(
    start: Callable[[], World], action: str, why: str
) -> None:
    world = start()
    traffic = dict(world.traffic) or {R1: 100}
    say(world, action)
    said = last(world, "CommandIgnored")
    assert action in said.message
    assert why in said.message
    assert world.status.handled_action == action
    assert world.traffic == traffic


def test_a_command_as_long_as_an_annotation_may_be_leaves_a_small_status() -> None:
    world = rolling(10)
    say(world, "promote/" + 200_000 * "x")
    assert candidate(world).weight == 50, "it is carried out all the same, once"
    assert len(world.status.model_dump_json()) < 20_000
    say(world, 200_000 * "x")
    assert len(world.status.model_dump_json()) < 20_000


def test_a_second_pause_is_said_to_have_no_effect() -> None:
    world = rolling(10)
    say(world, "pause/1")
    say(world, "pause/2")
    assert reasons(world).count("Paused") == 1
    assert "CommandIgnored" in reasons(world)


@pytest.mark.parametrize("start", [stuck, blind], ids=["pods are stuck", "Prometheus is down"])
def test_abort_works_while(start: Callable[[], World]) -> None:
    world = start()
    say(world, "abort/1")
    assert world.traffic == {R1: 100}
    assert world.status.rejected is not None
    assert world.status.rejected.reason == "Aborted"
    assert phase(world) is Phase.ROLLED_BACK


@pytest.mark.parametrize(("verb", "weight"), [("promote", 50), ("promote-full", None)])
def test_promote_works_while_prometheus_is_down(verb: str, weight: int | None) -> None:
    world = blind()
    say(world, f"{verb}/1")
    if weight is None:
        assert stable(world) == R2
    else:
        assert candidate(world).weight == weight


@pytest.mark.parametrize(("verb", "weight"), [("promote", 10), ("promote-full", 100)])
def test_promote_while_pods_are_stuck_acts_as_soon_as_one_is_ready(verb: str, weight: int) -> None:
    world = stuck()
    say(world, f"{verb}/1")
    assert world.traffic == {R1: 100}, "no traffic to nothing"
    first, *others = world.pods[R2]
    world.pods[R2] = (
        replace(first, ready=True),
        *(replace(pod, problem="Unschedulable: no node has room") for pod in others),
    )
    world.settle()
    assert world.traffic[R2] == weight


def test_promote_full_does_not_drown_the_first_pod_while_the_others_come_up() -> None:
    world = stuck()
    say(world, "promote-full/1")
    first, *others = world.pods[R2]
    world.pods[R2] = (replace(first, ready=True), *others)
    world.settle()
    assert world.traffic == {R1: 100}, "the others have only just been started"
    world.recover(R2)
    world.settle()
    assert world.traffic == {R2: 100}


@pytest.mark.parametrize("verb", ["pause", "resume", "rollback"])
def test_other_commands_work_while_pods_are_stuck(verb: str) -> None:
    world = stuck()
    if verb == "resume":
        say(world, "pause/0")
    say(world, f"{verb}/1")
    expected = {
        "pause": Phase.PAUSED, "resume": Phase.PROGRESSING, "rollback": Phase.ROLLED_BACK,
    }  # fmt: skip
    assert phase(world) is expected[verb]


def test_abort_wins_over_a_promote_that_still_waits() -> None:
    world = stuck()
    say(world, "promote-full/1")
    say(world, "abort/2")
    world.broken.clear()
    world.run(300)
    assert world.traffic == {R1: 100}
    assert stable(world) == R1


def test_pause_wins_over_a_promote_that_still_waits() -> None:
    world = stuck()
    say(world, "promote-full/1")
    say(world, "pause/2")
    assert phase(world) is Phase.PAUSED
    world.broken.clear()
    world.recover(R2)
    world.run(300)
    assert world.traffic == {R1: 100}, "the last word was pause"


def test_promote_of_a_paused_candidate_goes_on() -> None:
    world = rolling(10)
    say(world, "pause/1")
    say(world, "promote/2")
    assert candidate(world).weight == 50
    assert phase(world) is Phase.PROGRESSING


def test_promote_works_while_suspended() -> None:
    world = rolling(10)
    update(world, V2, suspend=True)
    say(world, "promote/1")
    assert candidate(world).weight == 50
    world.run(600)
    assert candidate(world).weight == 50


def test_an_abort_while_nothing_is_ready_keeps_the_candidate_away_afterwards() -> None:
    world = rolling(50)
    lose_pods(world, R1)
    lose_pods(world, R2)
    world.settle()
    say(world, "abort/1")
    world.recover(R1)
    world.settle()
    assert world.traffic == {R1: 100}
    world.run(60)
    assert set(world.pods) == {R1}


def test_a_command_before_the_first_deployment_is_up_does_no_harm() -> None:
    world = World(broken={R1})
    for verb in ("abort", "promote", "promote-full", "rollback", "retry"):
        say(world, f"{verb}/1")
    world.recover(R1)
    world.settle()
    assert phase(world) is Phase.STABLE
    assert world.traffic == {R1: 100}
