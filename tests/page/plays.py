"""ModelDeployments of the stage: one of each kind that people meet, as of now."""

import time
from collections.abc import Callable
from typing import Any

from tests.page.stage import Stage
from tests.unit.scenes import FAILING, R2, UNREACHABLE, V1, V2, V3, against
from tests.unit.world import World, spec

Play = Callable[[], World]
HOLDS = {
    "steps": [
        {"weight": 10, "hold": "5m"},
        {"weight": 50, "hold": "5m"},
        {"weight": 100, "hold": "24h"},
    ]
}


def since(seconds: float, **overrides: Any) -> World:
    """Return a world that has had a stable version for some time."""
    world = World(spec=spec(V1, **overrides), now=time.time() - seconds)
    world.settle()
    return world


def update(world: World, version: str, **overrides: Any) -> None:
    """Ask for another version."""
    world.spec = spec(version, **overrides)
    world.settle()


def under_way() -> World:
    """Return a rollout at its second step, now."""
    world = since(420, rollout=HOLDS)
    update(world, V2, rollout=HOLDS)
    world.run(415)
    return world


def turned_back() -> World:
    """Return one that was promoted once, and whose third version was rolled back."""
    short = {"steps": [{"weight": 10, "hold": "1m"}, {"weight": 100, "hold": "1m"}]}
    world = since(900, rollout=short)
    update(world, V2, rollout=short)
    world.run(300)
    update(world, V3, rollout=HOLDS)
    world.run(280)
    world.readings = against(FAILING)
    world.run(30)
    return world


def blind() -> World:
    """Return one that gets no data."""
    world = since(300, rollout=HOLDS)
    update(world, V2, rollout=HOLDS)
    world.run(60)
    world.readings = UNREACHABLE
    world.run(90)
    return world


def starting() -> World:
    """Return one whose candidate's pods don't get ready."""
    world = since(60, rollout=HOLDS)
    world.broken = {R2}
    update(world, V2, rollout=HOLDS)
    world.run(30)
    return world


def paused() -> World:
    """Return a paused rollout."""
    world = since(200, rollout=HOLDS)
    update(world, V2, rollout=HOLDS)
    world.run(60)
    world.action = "pause/1"
    world.settle()
    world.run(90)
    return world


def all_of(stage: Stage) -> None:
    """Put all of them on a stage."""
    stage.put("kepler", under_way())
    stage.put("galileo", turned_back())
    stage.put("tycho", blind())
    stage.put("brahe", starting(), "astronomy")
    stage.put("hubble", paused(), "astronomy")
    stage.put("newton", since(90_000), "physics")
