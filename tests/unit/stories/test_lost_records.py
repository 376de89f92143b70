"""Records of revisions that somebody deletes, one by one, at each moment of a rollout.

The path is the operator's own, over a cluster in memory. A Deployment that lives has what its
record had. Where both are gone, only a spec that asks for just that revision can build it again.
And with them the status, so that only what serves tells what was going on. Neighbour:
`test_lost_status`.
"""

import itertools
import json
from typing import Any

import pytest

from tests.unit.cluster import Cluster
from transit_operator.adapters.kubernetes import Refused
from transit_operator.api import names
from transit_operator.api.config.operator import OperatorConfig

RESOURCE: dict[str, Any] = {
    "apiVersion": names.API_VERSION,
    "kind": names.KIND,
    "metadata": {"name": "m", "namespace": "ml"},
}
ROUTERS: dict[str, Any] = {
    "gateway": {"router": "gateway", "gateway": {"parentRefs": [{"name": "public"}]}},
    "replicas": {"router": "replicas"},
}
MOMENTS: dict[str, dict[str, Any]] = {
    "canary": {"step": "1/3"},
    "half": {"step": "2/3"},
    "full weight": {"step": "3/3"},
    "steady after": {"phase": "Stable", "versions": {"stable": "2.0.0"}},
}


def spec(version: str, router: str) -> dict[str, Any]:
    return {
        "models": [{"name": "forest", "version": version}],
        "storage": {"uri": "s3://models"},
        "replicas": 2,
        "traffic": ROUTERS[router],
        "rollout": {"steps": [{"weight": w, "hold": "30m"} for w in (10, 50, 100)]},
    }


def at(moment: str, router: str = "gateway") -> Cluster:
    """Return a cluster at that moment of the rollout of 2.0.0."""
    cluster = Cluster(json.loads(json.dumps(RESOURCE)), OperatorConfig())
    cluster.apply(spec("1.0.0", router))
    cluster.run({"phase": "Stable"})
    cluster.apply(spec("2.0.0", router))
    cluster.run(MOMENTS[moment])
    return cluster


def delete(cluster: Cluster, *objects: tuple[str, str]) -> None:
    for kind, name in objects:
        cluster.api.objects.pop((kind, name), None)
        cluster.cache.drop(kind, "ml", name)


def recorded(cluster: Cluster) -> list[str]:
    """Return the names of the records, the oldest first."""
    return [name for kind, name in cluster.api.objects if kind == "ControllerRevision"]


def lose_status(cluster: Cluster) -> None:
    lost = {k: v for k, v in (cluster.cache.mdep(cluster.key) or {}).items() if k != "status"}
    cluster.cache.put(cluster.api.stamped(lost, lost))


def shares(cluster: Cluster) -> dict[str, int]:
    """Return revision → percent, as the cluster gives it."""
    snapshot = cluster.observer.look(cluster.key, None)
    assert snapshot is not None
    return dict(snapshot.observed.traffic)


GONE = pytest.mark.parametrize("gone", [(0,), (1,), (0, 1)], ids=["stable", "candidate", "both"])


@pytest.mark.parametrize("router", list(ROUTERS))
@GONE
@pytest.mark.parametrize("moment", ["canary", "full weight", "steady after"])
def test_records_that_are_gone_stop_no_rollout(
    moment: str, gone: tuple[int, ...], router: str
) -> None:
    cluster = at(moment, router)
    had = recorded(cluster)
    templates = {
        name: obj["spec"]["template"]
        for (kind, name), obj in cluster.api.objects.items()
        if kind == "Deployment"
    }
    delete(cluster, *(("ControllerRevision", had[index]) for index in gone))
    cluster.run({"versions": {"stable": "2.0.0"}, "phase": "Stable"})
    for (kind, name), obj in cluster.api.objects.items():
        if kind == "Deployment":
            assert obj["spec"]["template"] == templates[name], "another one under its name"
    assert had[1] in recorded(cluster)


@pytest.mark.parametrize("router", list(ROUTERS))
@GONE
@pytest.mark.parametrize("moment", ["canary", "half", "full weight"])
def test_with_the_status_gone_too_nobody_gets_more_than_it_had(
    moment: str, gone: tuple[int, ...], router: str
) -> None:
    cluster = at(moment, router)
    old, new = recorded(cluster)
    had = shares(cluster)
    delete(cluster, *(("ControllerRevision", (old, new)[index]) for index in gone))
    lose_status(cluster)
    for _ in range(5):
        cluster.look()
        assert shares(cluster) == had
    assert cluster.status()["versions"] == {"stable": "1.0.0", "candidate": "2.0.0"}
    assert {old, new} <= set(recorded(cluster))


@pytest.mark.parametrize("router", list(ROUTERS))
@pytest.mark.parametrize("moment", ["half", "full weight"])
def test_a_record_that_was_written_again_makes_no_stable_of_what_is_tried(
    moment: str, router: str
) -> None:
    """It is younger than the candidate's, and its revision is not."""
    cluster = at(moment, router)
    had = shares(cluster)
    delete(cluster, ("ControllerRevision", recorded(cluster)[0]))
    cluster.run(MOMENTS[moment])
    lose_status(cluster)
    for _ in range(5):
        cluster.look()
    assert cluster.status()["versions"] == {"stable": "1.0.0", "candidate": "2.0.0"}
    assert shares(cluster) == had


def test_a_stable_of_which_nothing_is_left_is_built_again_when_it_is_asked_for() -> None:
    cluster = at("canary")
    old, new = recorded(cluster)
    delete(cluster, *itertools.product(["ControllerRevision", "Deployment"], [old]))
    with pytest.raises(Refused, match="ask for its models and settings in the spec again"):
        cluster.run({"phase": "Stable"})
    cluster.apply(spec("1.0.0", "gateway"))
    cluster.run({"phase": "Stable", "versions": {"stable": "1.0.0"}})
    assert ("Deployment", old) in cluster.api.objects
    assert ("Deployment", new) not in cluster.api.objects
