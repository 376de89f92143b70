"""What the registry says of versions: deprecated ones warn, archived ones are not started."""

from tests.unit.scenes import (
    R1,
    R2,
    R3,
    SLOW,
    V1,
    V2,
    V3,
    against,
    candidate,
    last,
    phase,
    reasons,
    rolling,
    run_until_weight,
    say,
    serving,
    stable,
    update,
)
from tests.unit.world import World, digest, spec
from transit_operator.api.status import Phase
from transit_operator.core.observed import Retirement

ARCHIVED, DEPRECATED = Retirement(True, why="biased"), Retirement(False)


def condition(world: World, kind: str) -> tuple[str, str, str]:
    found = next(c for c in world.status.conditions if c.type == kind)
    return found.status, found.reason, found.message


def test_an_archived_version_is_not_started() -> None:
    world = serving()
    world.retired = {("forest", V2): ARCHIVED}
    update(world, V2)
    world.run(120)
    assert (world.status.candidate, stable(world), phase(world)) == (None, R1, Phase.STABLE)
    status, reason, message = condition(world, "Accepted")
    assert (status, reason) == ("False", "VersionArchived")
    assert message.startswith("forest 2.0.0 is archived in the registry (biased)")
    world.retired = {}
    world.settle()
    assert candidate(world).revision == R2
    assert condition(world, "Accepted")[0] == "True"


def test_nor_as_a_first_deployment() -> None:
    world = World(retired={("forest", V1): ARCHIVED})
    world.settle()
    assert (world.status.stable, world.pods) == (None, {})
    assert condition(world, "Accepted")[1] == "VersionArchived"
    world.retired = {}
    world.settle()
    assert stable(world) == R1


def test_what_serves_is_left_alone() -> None:
    world = serving()
    world.retired = {("forest", V1): ARCHIVED}
    world.run(120)
    assert (stable(world), world.traffic) == (R1, {R1: 100})
    assert condition(world, "Accepted")[0] == "True"


def test_a_rollout_that_has_begun_goes_on() -> None:
    world = rolling()
    world.retired = {("forest", V2): ARCHIVED}
    world.run(300)
    assert stable(world) == R2


def test_an_older_candidate_is_left_for_an_archived_version() -> None:
    """The spec doesn't ask for it any more, whatever it asks for."""
    world = rolling()
    world.retired = {("forest", V3): ARCHIVED}
    update(world, V3)
    world.run(60)
    assert (world.status.candidate, world.traffic) == (None, {R1: 100})
    assert R3 not in world.pods


def test_traffic_goes_back_to_an_archived_stable() -> None:
    world = rolling()
    world.retired = {("forest", V1): ARCHIVED}
    world.readings = against(SLOW)
    world.run(120)
    assert (stable(world), world.traffic) == (R1, {R1: 100})


def test_the_command_rollback_asks_nobody() -> None:
    world = rolling()
    world.run(300)
    world.retired = {("forest", V1): ARCHIVED}
    say(world, "rollback/1")
    world.run(120)
    assert stable(world) == R1


def test_what_was_turned_back_stays_so_and_is_not_tried_again() -> None:
    world = rolling()
    world.readings = against(SLOW)
    world.run(120)
    world.retired = {("forest", V2): ARCHIVED}
    world.settle()
    assert phase(world) is Phase.ROLLED_BACK
    say(world, "retry/1")
    assert world.status.candidate is None
    assert condition(world, "Accepted")[1] == "VersionArchived"


def test_another_content_of_that_name_is_not_meant() -> None:
    world = serving()
    world.retired = {("forest", V2): Retirement(True, digest("forest", V2, "another team's"))}
    update(world, V2)
    assert candidate(world).revision == R2
    world = serving()
    world.retired = {("forest", V2): Retirement(True, digest("forest", V2))}
    update(world, V2)
    assert world.status.candidate is None


def test_a_deprecated_version_warns_once_and_goes_on() -> None:
    world = serving()
    world.retired = {("forest", V2): DEPRECATED}
    update(world, V2)
    run_until_weight(world, 10)
    assert reasons(world).count("VersionDeprecated") == 1
    said = last(world, "VersionDeprecated")
    assert (said.message, said.revision) == ("forest 2.0.0 is deprecated in the registry", R2)


def test_of_several_models_each_is_asked_for() -> None:
    models = [{"name": "forest", "version": V1}, {"name": "boosted", "version": V1}]
    world = World(spec=spec(models=models), retired={("boosted", V1): ARCHIVED})
    world.settle()
    assert "boosted 1.0.0 is archived" in condition(world, "Accepted")[2]
