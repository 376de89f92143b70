"""When `transit status --watch` is over, and the exit code that a pipeline reads."""

from collections.abc import Callable

import pytest

from tests.unit.cli.seen import seen
from tests.unit.scenes import FAILING, R1, R2, V1, V3, against, rolling, serving, update
from tests.unit.world import World
from transit_cli.exits import Exit
from transit_cli.rollout.steering.outcome import Followed, Until, outcome
from transit_operator.core.observed import Problem

FOLLOWED = Followed(R2)


def promoted() -> World:
    world = rolling(100)
    world.run(90)
    return world


def turned_back() -> World:
    world = rolling(10)
    world.readings = against(FAILING)
    world.run(15)
    return world


def taken_back() -> World:
    world = rolling(10)
    update(world, V1)
    world.run(15)
    return world


def superseded() -> World:
    world = rolling(10)
    update(world, V3)
    return world


def suspended() -> World:
    world = serving()
    world.spec = world.spec.model_copy(update={"suspend": True, "models": rolling(10).spec.models})
    world.settle()
    return world


def refused() -> World:
    world = rolling(10)
    world.refusal = Problem("Refused", "the pool is unknown")
    world.reconcile()
    return world


def rolled_back_by_command() -> World:
    """The stable was left for the one before it, which is what was followed."""
    world = promoted()
    world.action = "rollback/1"
    world.run(120)
    return world


GOES_ON = None
CASES: list[tuple[Callable[[], World], Until, Followed, Exit | None, str]] = [
    (promoted, Until.PROMOTED, FOLLOWED, Exit.DONE, "forest 2.0.0 is the stable version"),
    (promoted, Until.PROMOTED, Followed(), Exit.DONE, "forest 2.0.0 is the stable version"),
    (promoted, Until.STABLE, FOLLOWED, Exit.DONE, "is the stable version"),
    (lambda: rolling(10), Until.PROMOTED, FOLLOWED, GOES_ON, ""),
    (lambda: rolling(10), Until.BAKING, FOLLOWED, GOES_ON, ""),
    (lambda: rolling(100), Until.PROMOTED, FOLLOWED, GOES_ON, ""),
    (lambda: rolling(100), Until.BAKING, FOLLOWED, Exit.DONE, "its last hold goes on"),
    (turned_back, Until.PROMOTED, FOLLOWED, Exit.REFUSED, "rolled back, ErrorRate: error rate"),
    (turned_back, Until.STABLE, Followed(), Exit.REFUSED, "rolled back, ErrorRate"),
    (taken_back, Until.PROMOTED, FOLLOWED, Exit.REFUSED, "ended without it: forest 1.0.0"),
    (taken_back, Until.STABLE, FOLLOWED, Exit.DONE, "forest 1.0.0 is the stable version"),
    (superseded, Until.PROMOTED, FOLLOWED, Exit.REFUSED, "a newer spec took its place"),
    (suspended, Until.PROMOTED, Followed(), GOES_ON, ""),
    (rolled_back_by_command, Until.PROMOTED, Followed(R1), Exit.REFUSED, "rolled back to"),
    (refused, Until.PROMOTED, FOLLOWED, Exit.REFUSED, "Refused: the pool is unknown"),
]


@pytest.mark.parametrize(("world", "until", "followed", "code", "text"), CASES)
def test_outcomes(
    world: Callable[[], World], until: Until, followed: Followed, code: Exit | None, text: str
) -> None:
    found = outcome(seen(world()), until, followed)
    assert (found.code if found else None) == code
    assert text in (found.text if found else "")


def test_nothing_counts_before_the_operator_has_looked_at_the_spec() -> None:
    newer = seen(serving(), generation=2)
    assert outcome(newer, Until.PROMOTED, Followed()) is None
    assert Followed().seeing(newer) == Followed()


def test_the_candidate_that_is_seen_first_is_followed() -> None:
    followed = Followed().seeing(seen(rolling(10)))
    assert followed == FOLLOWED
    assert followed.seeing(seen(superseded())) == FOLLOWED


def test_a_rejection_of_before_is_not_the_outcome_of_a_newer_rollout() -> None:
    world = turned_back()
    update(world, V3)
    assert outcome(seen(world), Until.PROMOTED, Followed().seeing(seen(world))) is None


def test_while_the_traffic_goes_back_it_goes_on() -> None:
    world = rolling(100)
    world.readings = against(FAILING)
    world.slow = True
    world.pods[R1] = world.pods[R1][:1]
    found = None
    for _ in range(10):
        world.now += 5
        world.reconcile()
        if world.status.phase == "RollingBack":
            found = outcome(seen(world), Until.PROMOTED, FOLLOWED)
            break
    assert world.status.phase == "RollingBack"
    assert found is None
