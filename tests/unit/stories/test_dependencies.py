"""DependenciesMatch: of stable and candidate, judged by nothing, kept while nothing is asked."""

from typing import Any

import pytest

from tests.unit.measured import libraries, with_only
from tests.unit.scenes import FAILING, R1, R2, V2, V3, against, phase, rolling, serving, update
from tests.unit.world import World, good, spec
from transit_operator.api.status import Condition, Phase
from transit_operator.core.observed import RevisionReadings
from transit_operator.core.signals.samples.query import DEPENDENCIES

INFO = "/api/v1/models/forest/info says which"


def said(world: World) -> Condition:
    return next(c for c in world.status.conditions if c.type == "DependenciesMatch")


def seen(world: World, candidate: float | None, stable: float | None, **others: float) -> None:
    """Let an evaluation see how many libraries differ; None: the servers have not told."""

    def told(differing: float | None) -> RevisionReadings:
        models = others if differing is None else {"forest": differing, **others}
        return with_only(good(), RevisionReadings(libraries(**models)))

    world.readings = against(told(candidate), told(stable))
    world.run(15)


@pytest.mark.parametrize(
    ("candidate", "stable", "status", "words"),
    [
        pytest.param(0, 0, "True", "made with", id="both match"),
        pytest.param(2, 0, "False", "forest 2.0.0: made with", id="the candidate's differ"),
        pytest.param(0, 1, "False", "forest 1.0.0: made with", id="the stable's differ"),
        pytest.param(1, 1, "False", "forest 1.0.0, forest 2.0.0: made with", id="both differ"),
        pytest.param(None, 0, "Unknown", "not known", id="the candidate has not told"),
        pytest.param(None, 1, "False", "forest 1.0.0: made with", id="one differs for sure"),
        pytest.param(None, None, "Unknown", "not known", id="nobody has told"),
    ],
)  # fmt: skip
def test_what_the_servers_say(
    candidate: float | None, stable: float | None, status: str, words: str
) -> None:
    world = rolling(10)
    assert said(world).status == "Unknown"
    seen(world, candidate, stable)
    assert (said(world).status, words in said(world).message) == (status, True)
    assert (INFO in said(world).message) is (status == "False")


def test_it_changes_no_verdict() -> None:
    told, untold = rolling(10), rolling(10)
    seen(told, 3, 3)
    untold.run(15)
    assert told.status.signals == untold.status.signals
    told.run(200)
    assert phase(told) is Phase.STABLE
    assert told.traffic == {R2: 100}


def test_it_is_kept_by_the_stable_when_nothing_is_asked_any_more() -> None:
    world = rolling(10)
    seen(world, 1, 0)
    seen(world, None, None)
    assert said(world).status == "False"
    world.run(200)
    assert phase(world) is Phase.STABLE
    assert (said(world).status, said(world).message[:12]) == ("False", "forest 2.0.0")
    before = world.status
    world.run(600)
    assert world.status == before, "a settled one is not written"


def test_what_is_turned_back_is_no_longer_told_of() -> None:
    world = rolling(10)
    seen(world, 1, 0)
    world.readings = against(FAILING)
    world.run(30)
    assert world.traffic == {R1: 100}
    assert said(world).status == "True"
    update(world, V3)
    assert said(world).status == "Unknown"


@pytest.mark.parametrize(
    ("told", "status"),
    [({"other": 5.0}, "Unknown"), ({"forest": 0.0, "other": 5.0}, "True")],
)
def test_models_that_are_not_in_the_spec_are_none_of_its_affair(
    told: dict[str, float], status: str
) -> None:
    world = rolling(10)
    world.readings = against(*[with_only(good(), RevisionReadings(libraries(**told)))] * 2)
    world.run(15)
    assert said(world).status == status


def test_of_several_models_all_must_have_told() -> None:
    models: Any = [{"name": n, "version": V2} for n in ("forest", "boosted")]
    world = serving()
    world.spec = spec(models=models)
    world.settle()
    seen(world, 0, 0)
    assert said(world).status == "Unknown"
    seen(world, 0, 0, boosted=1)
    assert (said(world).status, said(world).message[:13]) == ("False", "boosted 2.0.0")
    assert "/models/boosted/info" in said(world).message


def test_a_first_deployment_is_not_asked_about() -> None:
    assert said(serving()).status == "Unknown"


def test_of_several_pods_the_worst_is_asked_for() -> None:
    assert DEPENDENCIES.promql(0, ["ml/b", "ml/a"], "namespace") == (
        "max by (model, namespace, model_deployment, revision)"
        ' (model_dependencies_differing{model_deployment=~"ml/a|ml/b"})'
    )
