"""The status stays small, whatever the models have: etcd refuses an object of 1.5 MiB."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.measured import latencies, measured, predicted, predictions
from tests.unit.scenes import R2, against, rollout, serving
from tests.unit.world import World, spec
from transit_operator.api.spec import ModelDeploymentSpec
from transit_operator.core.observed import RevisionReadings

LIMIT = 100_000  # bytes
MODELS = [f"model-with-a-long-name-{n:02}" for n in range(16)]


def large(version: str, analysis: dict[str, object]) -> ModelDeploymentSpec:
    """Return a spec of sixteen models."""
    models = [{"name": name, "version": version} for name in MODELS]
    return spec(models=models, **rollout(analysis=analysis))


def readings(classes: int, length: int, errors: float, flipped: bool) -> RevisionReadings:
    """Return readings of sixteen models with many classes each, evenly used or not at all."""
    names = [f"{n:05}".ljust(length, "x") for n in range(classes)]
    counts = {name: 0.0 if flipped and n else 10.0 for n, name in enumerate(names)}
    groups = []
    for model in MODELS:
        groups.append(predictions(1000 - errors, errors, model=model))
        groups.append(latencies(0.01, 0.005, 1000, model=model))
        groups.append(predicted(counts, model))
    return measured(*groups)


def size(world: World) -> int:
    written = world.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return len(json.dumps(written))


@settings(max_examples=3)
@given(
    classes=st.sampled_from([2, 300, 5000]),
    length=st.sampled_from([22, 200]),
    cause=st.sampled_from(["errors", "flipped"]),
)
def test_ten_rollouts_of_sixteen_models_with_five_thousand_classes(
    classes: int, length: int, cause: str
) -> None:
    custom = [{"name": f"custom-{n}", "query": "q", "max": 1} for n in range(16)]
    good = readings(classes, length, 0, flipped=False)
    bad = readings(classes, length, 900 if cause == "errors" else 0, flipped=cause == "flipped")
    world = serving()
    for number in range(2, 6):
        world.readings = against(good, good)
        world.spec = large(f"{number}.0.0", {"custom": custom})
        world.run(45, step=15)
        assert size(world) < LIMIT
        world.readings = against(bad, good)
        world.run(45, step=15)
        assert size(world) < LIMIT


def test_long_words_of_others_are_cut() -> None:
    world = serving()
    world.broken.add(R2)
    world.spec = spec("2.0.0")
    world.settle()
    world.pods[R2] = tuple(
        type(p)(p.name, ready=False, problem="Unschedulable: " + 100_000 * "node ")
        for p in world.pods[R2]
    )
    world.run(90)
    assert world.status.rejected is not None
    assert "Unschedulable" in world.status.rejected.message
    assert size(world) < LIMIT
