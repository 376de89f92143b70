"""Records of revisions that somebody deletes, one by one, at each moment of a rollout.

The path is the operator's own, over a cluster in memory. A Deployment that lives has what its
record had. Where both are gone, only a spec that asks for just that revision can build it again.
Neighbour: `test_lost_status`.
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
MOMENTS: dict[str, dict[str, Any]] = {
    "canary": {"weight": 10},
    "full weight": {"weight": 100},
    "steady after": {"phase": "Stable", "versions": {"stable": "2.0.0"}},
}


def spec(version: str) -> dict[str, Any]:
    return {
        "models": [{"name": "forest", "version": version}],
        "storage": {"uri": "s3://models"},
        "replicas": 2,
        "traffic": {"router": "gateway", "gateway": {"parentRefs": [{"name": "public"}]}},
        "rollout": {"steps": [{"weight": w, "hold": "30m"} for w in (10, 100)]},
    }


def at(moment: str) -> Cluster:
    """Return a cluster at that moment of the rollout of 2.0.0."""
    cluster = Cluster(json.loads(json.dumps(RESOURCE)), OperatorConfig())
    cluster.apply(spec("1.0.0"))
    cluster.run({"phase": "Stable"})
    cluster.apply(spec("2.0.0"))
    cluster.run(MOMENTS[moment])
    return cluster


def delete(cluster: Cluster, *objects: tuple[str, str]) -> None:
    for kind, name in objects:
        cluster.api.objects.pop((kind, name), None)
        cluster.cache.drop(kind, "ml", name)


def recorded(cluster: Cluster) -> list[str]:
    """Return the names of the records, the oldest first."""
    return [name for kind, name in cluster.api.objects if kind == "ControllerRevision"]


@pytest.mark.parametrize("gone", [(0,), (1,), (0, 1)], ids=["stable", "candidate", "both"])
@pytest.mark.parametrize("moment", list(MOMENTS))
def test_records_that_are_gone_stop_no_rollout(moment: str, gone: tuple[int, ...]) -> None:
    cluster = at(moment)
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


def test_a_stable_of_which_nothing_is_left_is_built_again_when_it_is_asked_for() -> None:
    cluster = at("canary")
    old, new = recorded(cluster)
    delete(cluster, *itertools.product(["ControllerRevision", "Deployment"], [old]))
    with pytest.raises(Refused, match="ask for its models and settings in the spec again"):
        cluster.run({"phase": "Stable"})
    cluster.apply(spec("1.0.0"))
    cluster.run({"phase": "Stable", "versions": {"stable": "1.0.0"}})
    assert ("Deployment", old) in cluster.api.objects
    assert ("Deployment", new) not in cluster.api.objects
