"""ModelDeployments as the operator's own rules leave them: what Argo CD's Lua is tried on.

`python -m tests.unit.argocd.render` (`make golden`) writes `deploy/argocd/…/testdata` anew; what
health and actions must come of each is in `health_test.yaml` and `action_test.yaml` there, by hand,
in the form that argo-cd takes. Neighbours: `test_argocd` and `tests/gitops/test_lua.py` run them.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from dev.gitops.customization import FOLDER
from tests.unit.scenes import (
    FAILING,
    R1,
    V2,
    against,
    lose_pods,
    phase,
    rolling,
    rollout,
    say,
    serving,
    update,
)
from tests.unit.world import STEPS, World
from transit_operator.api.crd import UNSEEN
from transit_operator.api.status import ModelDeploymentStatus, Phase
from transit_operator.core.decide import decide
from transit_operator.core.objects.resolver import RESOLVING
from transit_operator.core.observed import Problem, Route

TESTDATA = FOLDER / "testdata"
ACTED = FOLDER / "actions" / "testdata"
VERBS = ("promote", "promote-full", "abort", "retry", "pause", "resume", "rollback")
ACTION = "transit.dev/action"
TIME = "0001-01-01T00:00:00Z"  # what argo-cd's own tests put in the place of the present


def given(world: World, **metadata: Any) -> dict[str, Any]:
    """Return the ModelDeployment of a world, as the API server has it."""
    return resource(world, world.status, **metadata)


def resource(world: World, status: ModelDeploymentStatus | None, **metadata: Any) -> dict[str, Any]:
    """Return the ModelDeployment of a world with another status."""
    shown: dict[str, Any] = {"mode": "json", "by_alias": True}
    found = {
        "apiVersion": "transit.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "m", "namespace": "ml", "generation": 1} | metadata,
        "spec": world.spec.model_dump(exclude_unset=True, **shown),
    }
    if status is not None:
        found["status"] = status.model_dump(exclude_none=True, **shown)
    return found


def _first() -> World:
    world = World(slow=True)
    world.settle()
    return world


def _rolling_back() -> World:
    """At 100 % it was too bad, and the standby takes over as fast as it can."""
    world = rolling(100)
    world.readings = against(FAILING)
    world.slow = True
    world.now += 15
    while phase(world) is not Phase.ROLLING_BACK:
        world.reconcile()
    return world


def _rolled_back() -> World:
    world = rolling(10)
    world.readings = against(FAILING)
    world.run(15)
    return world


def _failed() -> World:
    world = serving()
    world.broken.add(R1)
    lose_pods(world, R1)
    world.settle()
    return world


def _fixing() -> World:
    world = _failed()
    world.slow = True
    update(world, V2)
    return world


def _promoted() -> World:
    world = rolling(100)
    world.run(120)
    return world


def _paused() -> World:
    world = rolling(10)
    say(world, "pause/1")
    return world


def _asking() -> World:
    world = rolling(10, **rollout(steps=[{**STEPS[0], "approval": True}, *STEPS[1:]]))
    world.run(60)
    return world


def _suspended() -> World:
    world = serving()
    update(world, V2, suspend=True)
    return world


def _with(world: World, **observed: Any) -> dict[str, Any]:
    return resource(world, decide(replace(world.observed(), **observed)).status)


def _resolving() -> dict[str, Any]:
    """After a rollback another version is asked for, which is looked up."""
    text = "resolving the versions of the models"
    return _with(_rolled_back(), problem=Problem(RESOLVING, text), wanted=None)


def _not_found() -> dict[str, Any]:
    return _with(serving(), problem=Problem("ModelNotFound", "forest has no latest"), wanted=None)


def _no_gateway() -> dict[str, Any]:
    return _with(serving(), route=Route(False, "NoMatchingParent", "no Gateway named public"))


WORLDS: dict[str, Callable[[], World]] = {
    "progressing_firstDeployment": _first,
    "progressing_step": lambda: rolling(10),
    "progressing_rollingBack": _rolling_back,
    "progressing_fixOfWhatIsDead": _fixing,
    "healthy_stable": serving,
    "healthy_promoted": _promoted,
    "healthy_watchedAt100": lambda: rolling(100),
    "suspended_paused": _paused,
    "suspended_approval": _asking,
    "suspended_spec": _suspended,
    "degraded_rolledBack": _rolled_back,
    "degraded_failed": _failed,
}
OTHERS: dict[str, Callable[[], dict[str, Any]]] = {
    "progressing_unseen": lambda: resource(World(), None) | {"status": UNSEEN},
    "progressing_newGeneration": lambda: given(serving(), generation=2),
    "progressing_resolvingVersions": _resolving,
    "progressing_routeNotAccepted": _no_gateway,
    "degraded_modelNotFound": _not_found,
}


def files() -> dict[Path, str]:
    """Return every file of test data."""
    made = {name: given(make()) for name, make in WORLDS.items()}
    made |= {name: make() for name, make in OTHERS.items()}
    found = {TESTDATA / f"{name}.yaml": _text(obj) for name, obj in made.items()}
    for verb in VERBS:
        found[ACTED / f"{verb}.yaml"] = _text(
            given(rolling(10), annotations={ACTION: f"{verb}/{TIME}"})
        )
    return found


def _text(obj: dict[str, Any]) -> str:
    return yaml.safe_dump(obj, sort_keys=False, width=100)


def main() -> None:
    """Write every file anew, and remove those that nobody makes any more."""
    wanted = files()
    for folder in (TESTDATA, ACTED):
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.yaml"):
            if file not in wanted:
                file.unlink()
    for file, text in wanted.items():
        file.write_text(text)
        print(file.relative_to(Path.cwd()))


if __name__ == "__main__":
    main()
