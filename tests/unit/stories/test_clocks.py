"""Times in the future, left by a clock that ran ahead and was set back: nothing waits for them.

Each story jumps a day ahead, lets something begin there, and comes back.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.unit.scenes import (
    FAILING,
    R1,
    R2,
    V1,
    V2,
    against,
    candidate,
    phase,
    rejected,
    rolling,
    rollout,
    run_until_weight,
    serving,
    stable,
    update,
)
from tests.unit.world import World
from transit_operator.api.status import CandidateStatus, Phase
from transit_operator.core.observed import Pod
from transit_operator.core.state import from_status
from transit_operator.core.times import epoch, rfc3339

DAY = 86_400.0
CHECKED = rollout(
    checks=[
        {
            "name": "smoke",
            "timeout": "60s",
            "template": {"spec": {"containers": [{"name": "c", "image": "curl"}]}},
        }
    ]
)


@contextmanager
def a_day_ahead(world: World) -> Iterator[None]:
    """What happens inside is dated a day ahead."""
    world.now += DAY
    yield
    world.now -= DAY


def test_what_is_kept_to_look_at_goes_in_time() -> None:
    world = rolling(50, **rollout(keepRejected="60s"))
    with a_day_ahead(world):
        world.readings = against(FAILING)
        world.run(30)
        assert phase(world) is Phase.ROLLED_BACK
    world.run(90)
    assert set(world.pods) == {R1}


def test_one_that_was_stable_long_ago_takes_its_steps() -> None:
    overrides = rollout(revertWithin="1h")
    world = rolling(100, **overrides)
    with a_day_ahead(world):
        world.run(200)
        assert stable(world) == R2
    world.run(7200, step=60)
    update(world, V1, **overrides)
    run_until_weight(world, 10)


def test_a_pod_that_never_comes_up_in_the_place_of_another_is_missed_in_time() -> None:
    steps = [{"weight": 100, "hold": "24h"}]
    world = rolling(100, replicas=10, **rollout(steps=steps))
    with a_day_ahead(world):
        world.pods[R2] = (*world.pods[R2][1:], Pod("replacement", ready=False, starting=True))
        world.run(15)
        assert candidate(world).short_since is not None
    world.run(180)
    assert rejected(world).reason == "Health"


def test_a_check_without_an_end_is_given_up_in_time() -> None:
    world = serving(**CHECKED)
    with a_day_ahead(world):
        update(world, V2, **CHECKED)
        world.run(30)
        assert candidate(world).checked_at is not None
    world.run(180)
    assert rejected(world).reason == "Check"


# What only tells, or is read where it is asked for (`next_evaluation`, `health`).
TOLD = {"started_at", "evaluated_at", "asked_at"}


def test_whatever_clock_a_candidate_has_is_read_as_now() -> None:
    """A new one must be read so, or named above."""
    world = rolling(10)
    clocks = {name for name in CandidateStatus.model_fields if name.endswith(("_at", "_since"))}
    ahead = dict.fromkeys(clocks, rfc3339(world.now + DAY))
    status = world.status.model_copy(
        update={"candidate": candidate(world).model_copy(update=ahead)}
    )
    read = from_status(status, world.now).candidate
    assert read is not None
    assert {name for name in clocks if epoch(getattr(read, name)) > world.now} == TOLD
