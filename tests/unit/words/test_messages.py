"""What a receiver is told: for which transitions, in which words, by which id."""

from typing import Any, get_args

import pytest

from tests.unit.scenes import (
    R1,
    R2,
    SLOW,
    UNREACHABLE,
    V2,
    against,
    run_until_weight,
    say,
    update,
)
from tests.unit.told import Told
from transit_operator.api.config.notifications import Reason, Receiver
from transit_operator.api.status import ModelDeploymentStatus
from transit_operator.core.rules import changes
from transit_operator.runtime.notifying.messages import BLIND, Message, blindness, messages
from transit_operator.runtime.observing.observe import Snapshot
from transit_operator.runtime.recording.outbox import News

AFTER = 600.0
ALL = list(get_args(Reason))
NUMBERS = "Latency: latency 2.10x over 2x: p95 21 ms against 10 ms of stable (1000 requests in 5m)"


def never(id: str, at: float) -> bool:
    """Nothing was told yet."""
    return False


class Heard:
    """Tells a receiver all that is in the status, each time, as a new leader would."""

    def __init__(self, **receiver: Any) -> None:
        self._receiver = Receiver.model_validate({"name": "one", **receiver})
        self.told: list[Message] = []

    def see(self, snapshot: Snapshot, status: ModelDeploymentStatus) -> None:
        self.told = messages(
            self._receiver, "", AFTER, never, News(snapshot, status, 0, None, witnessed=False)
        )

    def reasons(self) -> list[str]:
        return [message.reason for message in self.told]

    def of(self, reason: str) -> Message:
        return next(message for message in self.told if message.reason == reason)


def serving(heard: Heard, **world: Any) -> Told:
    world_ = Told(heard, **world)
    world_.settle()
    return world_


def promoted(heard: Heard) -> None:
    world = serving(heard)
    update(world, V2)
    world.run(300)


def turned_back(heard: Heard) -> None:
    world = serving(heard)
    update(world, V2)
    run_until_weight(world, 10)
    world.readings = against(SLOW)
    world.run(120)


def paused(heard: Heard) -> None:
    world = serving(heard)
    update(world, V2)
    run_until_weight(world, 10)
    say(world, "pause/1")


def blind(heard: Heard) -> None:
    world = serving(heard)
    update(world, V2)
    run_until_weight(world, 10)
    world.readings = UNREACHABLE
    world.run(AFTER + 60)


@pytest.mark.parametrize(
    ("story", "told"),
    [
        (promoted, [changes.PROMOTED]),
        (turned_back, [changes.REJECTED, changes.ROLLED_BACK]),
        (paused, [changes.PAUSED]),
        (blind, [BLIND]),
    ],
)
def test_by_default_it_hears_what_became_of_rollouts(story: Any, told: list[str]) -> None:
    heard = Heard()
    story(heard)
    assert heard.reasons() == told


def test_the_reasons_are_those_of_transitions_and_blind() -> None:
    known = {
        value
        for name, value in vars(changes).items()
        if name.isupper() and isinstance(value, str) and name != "BY_COMMAND"
    }
    assert set(ALL) == known | {BLIND}


@pytest.mark.parametrize(
    ("receiver", "told"),
    [
        ({"reasons": [changes.ROLLED_BACK]}, [changes.ROLLED_BACK]),
        ({"reasons": [BLIND]}, []),
        ({"namespaces": ["ml"]}, [changes.REJECTED, changes.ROLLED_BACK]),
        ({"namespaces": ["other"]}, []),
        (
            {"reasons": ALL},
            [
                changes.CREATED,
                changes.HEALTHY,
                changes.ROLLOUT_STARTED,
                changes.STEP_REACHED,
                changes.REJECTED,
                changes.ROLLED_BACK,
            ],
        ),
    ],
)
def test_filters(receiver: dict[str, Any], told: list[str]) -> None:
    heard = Heard(**receiver)
    turned_back(heard)
    assert heard.reasons() == told


@pytest.mark.parametrize(
    ("story", "reason", "tone", "title", "text"),
    [
        (
            promoted,
            changes.PROMOTED,
            "success",
            "ml/kepler: forest 2.0.0 is promoted",
            "forest 2.0.0 is the stable version",
        ),
        (
            turned_back,
            changes.REJECTED,
            "failure",
            "ml/kepler: forest 2.0.0 is rejected",
            NUMBERS,
        ),
        (
            turned_back,
            changes.ROLLED_BACK,
            "info",
            "ml/kepler: rolled back to forest 1.0.0",
            f"all traffic is with {R1} (forest 1.0.0)",
        ),
        (
            paused,
            changes.PAUSED,
            "warning",
            "ml/kepler: the rollout of forest 2.0.0 is paused",
            "paused by command",
        ),
        (
            blind,
            BLIND,
            "warning",
            "ml/kepler: the rollout of forest 2.0.0 stands still, it has no measurements",
            "no measurements for 10m, the clock of its step stands still",
        ),
    ],
)
def test_words(story: Any, reason: str, tone: str, title: str, text: str) -> None:
    heard = Heard()
    story(heard)
    message = heard.of(reason)
    assert (message.tone, message.title) == (tone, title)
    lines = message.text.splitlines()
    assert lines[0] == text
    assert lines[-2] == "More: transit why kepler -n ml"
    assert lines[-1].endswith(message.id[:12])


def test_a_message_has_one_id_whoever_tells_it_and_no_other_has_it() -> None:
    heard = Heard(reasons=ALL)
    world = serving(heard)
    update(world, V2)
    world.run(300)
    first = {message.id: message.reason for message in heard.told}
    assert len(first) == len(heard.told)
    world.run(60)
    assert {message.id: message.reason for message in heard.told} == first
    other = Heard(reasons=ALL)
    serving(other, name="other")
    assert not first.keys() & {message.id for message in other.told}


def test_a_second_blindness_is_told_anew() -> None:
    heard = Heard()
    world = serving(heard)
    update(
        world, V2, rollout={"steps": [{"weight": 10, "hold": "3h"}, {"weight": 100, "hold": "1m"}]}
    )
    run_until_weight(world, 10)
    seen = set()
    for _ in range(2):
        good, world.readings = world.readings, UNREACHABLE
        world.run(AFTER + 60)
        seen.add(heard.of(BLIND).id)
        world.readings = good
        world.run(60)
        assert not heard.told
    assert len(seen) == 2


def test_who_is_not_blind_for_long_is_not_told() -> None:
    heard = Heard()
    blind(heard)
    assert heard.of(BLIND).data["revision"] == R2
    world = serving(Heard())
    snapshot = Snapshot(world.observed(), world.owner, {}, {})
    assert blindness(AFTER, snapshot, world.status) is None
