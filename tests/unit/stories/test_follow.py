"""`models[].follow`: an alias that moves starts one rollout, and nothing else does.

Neighbours: `test_content` has how versions are looked up at first, `test_resolver` the pod.
"""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cluster import Cluster
from tests.unit.scenes import candidate, last, phase, reasons, rejected, say
from tests.unit.world import World, digest, spec
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.api.status import Phase
from transit_operator.core.decide import decide
from transit_operator.core.objects.revision import content_key
from transit_operator.core.rules.aliases import JITTER
from transit_operator.core.times import epoch

LATEST = {"name": "forest", "version": "latest", "follow": "5m"}
WHOLE = 300 * (1 + JITTER) + 10  # by then each interval is over
ROLLOUT = 300  # longer than all steps take


def following(*models: dict[str, Any], **overrides: Any) -> World:
    """A world in which the alias was 1.0.0, and serves."""
    asked = spec(models=list(models) or [LATEST], **overrides)
    world = World(spec=asked, aliases={"latest": "1.0.0", "stable": "1.0.0"})
    world.settle()
    world.run(10)
    assert phase(world) is Phase.STABLE
    return world


def versions(world: World) -> list[str]:
    assert world.status.stable is not None
    return [model.version for model in world.status.stable.models]


def looks(world: World, seconds: float) -> int:
    """Let time pass; returns how often another look was begun."""
    begun, before = 0, False
    for _ in range(int(seconds / 5)):
        world.now += 5
        now = decide(world.observed()).look_up or _looked(world)
        begun += now and not before
        before = now
        world.settle()
    return begun


def _looked(world: World) -> bool:
    followed = decide(world.observed()).status.followed
    return followed is not None and epoch(followed.at) == world.now


def test_an_alias_that_moves_starts_a_rollout_that_history_tells() -> None:
    world = following()
    world.aliases["latest"] = "2.0.0"
    world.run(280)
    assert "AliasMoved" not in reasons(world), "before its time"
    world.run(WHOLE - 280)
    assert candidate(world).models[0].version == "2.0.0"
    assert last(world, "AliasMoved").message == "latest of forest is 2.0.0, and was 1.0.0"
    world.run(ROLLOUT)
    assert versions(world) == ["2.0.0"]
    assert reasons(world).count("RolloutStarted") == 1


def test_without_follow_what_was_pinned_stays() -> None:
    world = following({"name": "forest", "version": "latest"})
    world.aliases["latest"] = "2.0.0"
    world.run(3 * WHOLE)
    assert versions(world) == ["1.0.0"]
    assert (world.status.followed, world.status.candidate) == (None, None)


def test_only_the_models_that_ask_for_it_move() -> None:
    other = {"name": "trees", "version": "latest"}
    world = following(LATEST, other)
    world.aliases["latest"] = "2.0.0"
    world.run(WHOLE + ROLLOUT)
    assert versions(world) == ["2.0.0", "1.0.0"]


def test_to_follow_is_no_other_revision() -> None:
    plain = spec(models=[{"name": "forest", "version": "latest"}])
    assert content_key(spec(models=[LATEST])) == content_key(plain)


def test_an_alias_that_stays_writes_once_an_interval_and_starts_nothing() -> None:
    world = following()
    assert looks(world, 4 * WHOLE) == pytest.approx(4, abs=1)
    assert "AliasMoved" not in reasons(world)
    assert world.status.candidate is None


def test_what_was_rolled_back_is_not_tried_again_until_the_alias_moves_on() -> None:
    world = following()
    world.aliases["latest"] = "2.0.0"
    world.run(WHOLE)
    say(world, "abort/1")
    world.run(6 * WHOLE)
    assert rejected(world).models[0].version == "2.0.0"
    assert reasons(world).count("RolloutStarted") == 1
    world.aliases["latest"] = "3.0.0"
    world.run(WHOLE + ROLLOUT)
    assert versions(world) == ["3.0.0"]


def test_nobody_looks_while_something_is_tried() -> None:
    world = following()
    world.aliases["latest"] = "2.0.0"
    world.run(WHOLE)
    say(world, "pause/1")
    world.aliases["latest"] = "3.0.0"
    assert looks(world, 3 * WHOLE) == 0
    assert candidate(world).models[0].version == "2.0.0"
    say(world, "resume/2")
    world.run(ROLLOUT + 2 * WHOLE + ROLLOUT)
    assert versions(world) == ["3.0.0"]


@pytest.mark.parametrize("how", ["paused", "suspended"])
def test_nobody_looks_while_it_is_held(how: str) -> None:
    world = following(suspend=how == "suspended")
    if how == "paused":
        say(world, "pause/1")
    world.aliases["latest"] = "2.0.0"
    assert looks(world, 3 * WHOLE) == 0
    if how == "paused":
        say(world, "resume/2")
    else:
        world.spec = spec(models=[LATEST])
    world.run(ROLLOUT)
    assert versions(world) == ["2.0.0"]


def test_a_storage_that_is_away_is_told_and_starts_nothing() -> None:
    world = following()
    world.missing = {"latest"}
    assert looks(world, 2 * WHOLE) <= 2, "it must not ask more often for that"
    accepted = next(c for c in world.status.conditions if c.type == "Accepted")
    assert accepted.status == "True"
    assert "there is no latest" in accepted.message
    assert phase(world) is Phase.STABLE
    world.missing = set()
    world.run(WHOLE)
    assert world.status.followed is not None
    assert world.status.followed.problem is None


def test_content_that_was_replaced_under_the_alias_is_told_and_not_taken() -> None:
    world = following()
    world.contents["1.0.0"] = "replaced"
    world.run(WHOLE)
    assert world.status.candidate is None
    assert world.status.followed is not None
    assert digest("forest", "1.0.0", "replaced") in str(world.status.followed.problem)


def test_two_that_were_made_at_one_moment_do_not_ask_at_one_moment() -> None:
    world = following()
    observed = world.observed()
    wakes = {decide(replace(observed, name=name)).wake_at for name in "abcdefgh"}
    assert len(wakes) == 8
    assert world.status.followed is not None
    since = [at - epoch(world.status.followed.at) for at in wakes if at is not None]
    assert min(since) >= 300
    assert max(since) <= 300 * (1 + JITTER)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["1.0.0", "2.0.0", "3.0.0"]),
            st.sampled_from(["", "abort", "pause", "resume", "retry", "promote", "away"]),
            st.integers(1, 60),
        ),
        max_size=5,
    )
)
def test_no_more_rollouts_than_moves_and_commands(
    story: list[tuple[str, str, int]],
) -> None:
    world = following()
    moves, retries = 0, 0
    for number, (version, command, tens) in enumerate(story):
        moves += world.aliases["latest"] != version
        world.aliases["latest"] = version
        world.missing = {"latest"} if command == "away" else set()
        if command not in ("", "away"):
            retries += command == "retry"
            say(world, f"{command}/{number}")
        world.run(10 * tens, step=20)
        assert sum(world.traffic.values()) == 100
    begun = [t for t in world.status.history if t.reason == "RolloutStarted"]
    moved = [t for t in world.status.history if t.reason == "AliasMoved"]
    assert len(moved) <= moves
    assert len(begun) <= moves + retries


def test_one_pod_looks_and_goes() -> None:
    """Through the operator's own observer and executor."""
    resource = {
        "apiVersion": "transit.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "m", "namespace": "ml", "uid": "uid-1"},
    }
    cluster = Cluster(resource, OperatorConfig())
    named = {"version": "1.0.0"}
    cluster.storage = {("forest", "latest"): named | {"digest": digest("forest", "1.0.0")}}
    cluster.apply(spec(models=[LATEST]))
    cluster.run(until={"phase": "Stable"})
    assert not [name for kind, name in cluster.api.objects if kind == "Pod"]
    moved = {"version": "2.0.0", "digest": digest("forest", "2.0.0")}
    cluster.storage = {("forest", "latest"): moved}
    cluster.run(until={"versions": {"stable": "2.0.0"}})
    assert not [name for kind, name in cluster.api.objects if kind == "Pod"]
    told = [transition["reason"] for transition in cluster.status()["history"]]
    assert told.count("AliasMoved") == 1
    assert told.count("RolloutStarted") == 1
