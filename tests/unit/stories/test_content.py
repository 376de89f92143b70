"""A version is its content: looked up before a revision is made, and the same ever after.

Neighbours: `test_revision` has when something is looked up, `test_resolver` what the pod says.
"""

import json
from typing import Any

import pytest

from tests.unit.cluster import Cluster
from tests.unit.scenes import (
    R1,
    R2,
    V1,
    V2,
    V3,
    candidate,
    last,
    phase,
    reasons,
    rejected,
    rolling,
    say,
    serving,
    stable,
    update,
)
from tests.unit.world import World, digest, revision, spec
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.api.status import Condition, Phase
from transit_operator.core.objects.build import Object
from transit_operator.runtime.observing.pods import revision_states

ANOTHER = {"server": {"env": [{"name": "A", "value": "1"}]}}  # another revision of one version
RESOURCE: Object = {
    "apiVersion": "transit.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "m", "namespace": "ml"},
}


def accepted(world: World) -> Condition:
    return next(c for c in world.status.conditions if c.type == "Accepted")


def test_the_digest_is_in_the_status_of_whoever_serves_or_is_tried() -> None:
    world = rolling(10)
    pinned = world.status.stable, world.status.candidate, world.status.pins
    digests = [one.models[0].digest for one in pinned if one is not None]
    assert digests == [digest("forest", V1), digest("forest", V2), digest("forest", V2)]


def test_nothing_is_begun_before_the_version_is_known() -> None:
    world = World(looking_up=True)
    world.run(60)
    assert world.pods == {}
    assert (accepted(world).status, accepted(world).reason) == ("Unknown", "ResolvingVersions")
    world.looking_up = False
    world.settle()
    assert phase(world) is Phase.STABLE


def test_a_version_that_is_missing_is_told_and_the_stable_goes_on() -> None:
    world = serving()
    world.missing = {V2}
    update(world, V2)
    world.run(600)
    assert world.traffic == {R1: 100}
    assert (accepted(world).status, accepted(world).reason) == ("False", "ModelNotFound")
    assert "there is no 2.0.0" in str(world.status.message)
    world.missing = set()
    world.settle()
    assert candidate(world).revision == R2


@pytest.mark.parametrize("how", ["looked up", "missing"])
def test_a_candidate_is_left_at_once_for_a_newer_spec_that_is_not_known_yet(how: str) -> None:
    """Else a version that nobody asks for any more would be promoted, or answer wrongly, for as
    long as a storage doesn't answer."""
    world = rolling(50)
    world.looking_up, world.missing = how == "looked up", {V3}
    update(world, V3)
    assert world.traffic == {R1: 100}
    assert last(world, "Superseded").revision == R2
    world.run(600)
    assert (world.traffic, stable(world)) == ({R1: 100}, R1)
    world.looking_up, world.missing = False, set()
    world.settle()
    assert candidate(world).models[0].version == V3


def test_what_waits_behind_a_retreat_is_left_as_well() -> None:
    world = rolling(100)
    update(world, V3)
    assert candidate(world).models[0].version == V3
    world.looking_up = True
    update(world, "4.0.0")
    assert world.status.candidate is None
    assert [t.revision for t in world.status.history if t.reason == "Superseded"][-1] != R2


def test_a_change_is_taken_back_though_no_storage_answers() -> None:
    world = rolling(50)
    world.looking_up = True
    update(world, V1)
    assert world.traffic == {R1: 100}
    assert reasons(world)[-2:] == ["Reverted", "RolledBack"]
    assert accepted(world).status == "True"


def test_a_lost_status_is_rebuilt_though_no_storage_answers() -> None:
    world = rolling(50)
    world.looking_up = True
    world.lose_status()
    world.settle()
    assert world.traffic == {R1: 50, R2: 50}
    assert candidate(world).models[0].digest == digest("forest", V2)


def test_replaced_content_is_not_rolled_out_under_the_old_version() -> None:
    world = serving()
    world.contents[V1] = "replaced"
    update(world, V1, **ANOTHER)
    world.run(600)
    assert world.traffic == {R1: 100}
    assert "RolloutStarted" not in reasons(world)
    condition = accepted(world)
    assert (condition.status, condition.reason) == ("False", "ContentChanged")
    assert digest("forest", V1) in condition.message
    assert digest("forest", V1, "replaced") in condition.message
    update(world, V1)
    assert accepted(world).status == "True", "what serves is what it was"


def test_whoever_means_the_replaced_content_says_resolve() -> None:
    world = serving()
    world.contents[V1] = "replaced"
    say(world, "resolve/1")
    assert candidate(world).revision == revision(V1, "replaced")
    assert candidate(world).models[0].digest == digest("forest", V1, "replaced")
    world.run(600)
    assert stable(world) == revision(V1, "replaced")


def test_a_rejected_content_is_not_given_another_try_under_another_digest() -> None:
    world = rolling(50)
    world.broken.add(R2)
    say(world, "abort/1")
    world.run(60)
    assert rejected(world).revision == R2
    world.contents[V2] = "replaced"
    update(world, V2, **ANOTHER)
    assert accepted(world).reason == "ContentChanged"


def test_in_another_storage_a_version_is_another() -> None:
    world = serving()
    world.contents[V1] = "replaced"
    update(world, V1, storage={"uri": "s3://others"})
    assert candidate(world).models[0].digest == digest("forest", V1, "replaced")


def refusing(words: str) -> Object:
    ended = {"exitCode": 1, "reason": "Error", "message": words}
    server = {"name": "server", "ready": False, "restartCount": 2, "state": {"terminated": ended}}
    labels = {"transit.dev/model-deployment": "m", "transit.dev/revision": "a"}
    return {
        "kind": "Pod",
        "metadata": {"name": "p", "labels": labels},
        "status": {"phase": "Running", "containerStatuses": [server]},
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "transit-server: model forest 1.0.0 can't be served: ContentChanged: s3://m holds …",
            True,
        ),
        ("transit-server: model forest 1.0.0 can't be served: IntegrityError: model.pkl", False),
        ("", False),
    ],
)
def test_what_a_pod_says_of_changed_content_is_known(words: str, told: bool) -> None:
    (state,) = revision_states({("Pod", "p"): refusing(words)}).values()
    assert (state.pods[0].content_changed == words) is (told or not words)
    assert bool(state.pods[0].content_changed) is told


def stable_cluster(version: str = V1, **without: Any) -> Cluster:
    cluster = Cluster(RESOURCE, OperatorConfig())
    cluster.storage = {("forest", version): without}
    cluster.apply(spec(version))
    cluster.run({"phase": "Stable"})
    return cluster


def test_a_pod_that_refuses_its_content_is_told_while_the_others_serve() -> None:
    cluster = stable_cluster()
    words = "transit-server: model forest 1.0.0 can't be served: ContentChanged: other digests"
    name = next(name for (kind, name) in cluster.cache.owned(cluster.key) if kind == "Pod")
    pod = cluster.cache.owned(cluster.key)["Pod", name]
    status = refusing(words)["status"]
    cluster.cache.put(cluster.api.stamped({**pod, "status": status}, pod))
    cluster.run({"phase": "Stable"})
    conditions = {c["type"]: c for c in cluster.status()["conditions"]}
    assert conditions["Accepted"]["reason"] == "ContentChanged"
    assert conditions["Accepted"]["message"] == words
    assert conditions["Available"]["status"] == "True"
    assert conditions["Stalled"]["status"] == "True"


def of_an_earlier_operator() -> Cluster:
    """Return a cluster as an operator left it that knew no digests."""
    cluster = stable_cluster(digest=None)
    mdep = cluster.cache.mdep(cluster.key)
    assert mdep is not None
    del mdep["status"]["pins"]
    for (kind, _), obj in cluster.api.objects.items():
        if kind == "ControllerRevision":
            del obj["data"]["storage"]
            cluster.cache.put(obj)
    cluster.storage = {}
    return cluster


def test_an_upgrade_from_an_operator_without_digests_writes_nothing() -> None:
    cluster = of_an_earlier_operator()
    before = json.dumps(list(cluster.api.objects.values()))
    writes = cluster.api.writes
    cluster.run({"phase": "Stable"})
    assert cluster.api.writes == writes
    assert json.dumps(list(cluster.api.objects.values())) == before
    assert [t["reason"] for t in cluster.status()["history"]] == ["Created", "Healthy"]


def test_after_an_upgrade_the_next_version_has_a_digest_and_the_way_back_is_known() -> None:
    cluster = of_an_earlier_operator()
    old = cluster.status()["stable"]["revision"]
    cluster.apply(spec(V2))
    cluster.run({"phase": "Stable"})
    assert cluster.status()["stable"]["models"][0]["digest"] == digest("forest", V2)
    cluster.storage = None
    cluster.apply(spec(V1))
    cluster.run({"phase": "Stable"})
    assert cluster.status()["stable"]["revision"] == old
