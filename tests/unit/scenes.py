"""Starting points of stories: a version that serves, a rollout at some weight, a bad reading."""

from typing import Any

from tests.unit.measured import measured, predictions
from tests.unit.world import STEPS, World, good, revision, spec
from transit_operator.api.status import CandidateStatus, Phase, Rejected, Transition
from transit_operator.core.observed import Problem, Readings, RevisionReadings

V1, V2, V3, V4 = "1.0.0", "2.0.0", "3.0.0", "4.0.0"
R1, R2, R3, R4 = (revision(version) for version in (V1, V2, V3, V4))

REPLICAS_ROUTER: dict[str, Any] = {"traffic": {"router": "replicas"}}

UNTRIED = measured(predictions())  # measured, without traffic yet
SLOW = good(p95=0.021)
FAILING = good(errors=51)
FLIPPED = good(classes={"A": 150.0, "B": 250.0, "C": 600.0})
UNREACHABLE = Readings(
    problems={
        name: Problem("PrometheusUnreachable", "Prometheus can't be reached")
        for name in ("predictions", "latencies", "classes")
    }
)


def rollout(**changes: Any) -> dict[str, Any]:
    """Return the override of a spec's rollout: short steps, with some changes."""
    return {"rollout": {"steps": STEPS, "progressDeadline": "60s"} | changes}


def against(candidate: RevisionReadings, stable: RevisionReadings | None = None) -> Readings:
    """Return readings of a candidate against a stable that does well."""
    return Readings(candidate=candidate, stable=good() if stable is None else stable)


def serving(version: str = V1, **overrides: Any) -> World:
    """Return a world in which a version is stable."""
    world = World(spec=spec(version, **overrides))
    world.settle()
    assert world.status.phase is Phase.STABLE
    return world


def rolling(weight: int = 10, **overrides: Any) -> World:
    """Return a world in which 2.0.0 has just got a weight, with 1.0.0 the stable."""
    world = serving(**overrides)
    update(world, V2, **overrides)
    run_until_weight(world, weight)
    return world


def update(world: World, version: str, **overrides: Any) -> None:
    """Apply the spec of another version."""
    world.spec = spec(version, **overrides)
    world.settle()


def run_until_weight(world: World, weight: int) -> None:
    """Let time pass until the candidate's weight is reached."""
    for _ in range(400):
        if world.status.candidate is not None and world.status.candidate.weight >= weight:
            assert world.status.candidate.weight == weight
            return
        world.run(5)
    raise AssertionError(f"{weight} % is never reached: {world.status.message}")


def say(world: World, action: str) -> None:
    """Give a command."""
    world.action = action
    world.settle()


def phase(world: World) -> Phase | None:
    """Return the phase."""
    return world.status.phase


def candidate(world: World) -> CandidateStatus:
    """Return the candidate, which must be there."""
    assert world.status.candidate is not None, world.status.message
    return world.status.candidate


def stable(world: World) -> str:
    """Return the stable revision, which must be there."""
    assert world.status.stable is not None
    return world.status.stable.revision


def rejected(world: World) -> Rejected:
    """Return what was rolled back, which must be there."""
    assert world.status.rejected is not None, world.status.message
    return world.status.rejected


def last(world: World, reason: str) -> Transition:
    """Return the last transition with a reason."""
    return next(t for t in reversed(world.status.history) if t.reason == reason)


def reasons(world: World) -> list[str]:
    """Return the reasons of all transitions, the oldest first."""
    return [transition.reason for transition in world.status.history]


def lose_pods(world: World, name: str) -> None:
    """Make every pod of a revision not ready, without a restart."""
    for pod in world.pods[name]:
        if pod.ready:
            lose_pod(world, name)


def lose_pod(world: World, name: str) -> None:
    """Make one more pod of a revision not ready, without a restart."""
    pods = list(world.pods[name])
    index = next(i for i, pod in enumerate(pods) if pod.ready)
    pods[index] = type(pods[index])(pods[index].name, ready=False, restarts=pods[index].restarts)
    world.pods[name] = tuple(pods)
