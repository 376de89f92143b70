"""A ModelDeployment that is deleted and created again at once, or restored from elsewhere.

The garbage collector is slower than `kubectl replace --force`: what the one before has made is
there for a while yet, and is not what the new one has.
"""

from typing import Any

import pytest

from tests.unit.cluster import Cluster
from tests.unit.stories.test_hostile_objects import SPEC, Object
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.core.decide import decide
from transit_operator.core.decision import Decision

RESOURCE = {
    "apiVersion": "transit.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "m", "namespace": "ml"},
}


def served(**changes: Any) -> Cluster:
    """Return a cluster in which the first version is stable."""
    cluster = Cluster(RESOURCE, OperatorConfig())
    cluster.apply({**SPEC, **changes})
    cluster.run({"phase": "Stable"})
    return cluster


def looked_at(cluster: Cluster) -> Decision:
    snapshot = cluster.observer.look(cluster.key, None)
    assert snapshot is not None
    return decide(snapshot.observed)


def create_again(cluster: Cluster, **changes: Any) -> None:
    """Delete it and create it, with what it owned left to the garbage collector."""
    before = cluster.cache.mdep(cluster.key)
    assert before is not None
    cluster.api.now += 1
    cluster.cache.drop("ModelDeployment", *cluster.key)
    new = {**RESOURCE, "spec": {**before["spec"], **changes}}
    cluster.cache.put(cluster.api.stamped(new, None))


NEWER: Object = {"models": [{**model, "version": "2.0.0"} for model in SPEC["models"]]}


@pytest.mark.parametrize("changes", [{}, NEWER], ids=["the same spec", "another version"])
@pytest.mark.parametrize("gone", [(), ("Deployment",)], ids=["all is there", "pods are left"])
def test_pods_of_the_one_before_are_none_of_the_new_one(
    changes: Object, gone: tuple[str, ...]
) -> None:
    cluster = served()
    create_again(cluster, **changes)
    for kind, name in list(cluster.cache.owned(cluster.key)):
        if kind in gone:
            cluster.cache.drop(kind, "ml", name)
    decision = looked_at(cluster)
    assert [t.reason for t in decision.transitions] in ([], ["Created"])
    assert decision.status.phase == "Pending"
    snapshot = cluster.observer.look(cluster.key, None)
    assert snapshot is not None
    assert snapshot.observed.revisions == {}


def test_pods_that_were_left_on_purpose_are_adopted() -> None:
    """`--cascade=orphan` leaves Deployments without an owner; their pods are older, too."""
    cluster = served()
    create_again(cluster)
    for (kind, _), obj in cluster.cache.owned(cluster.key).items():
        if kind != "Pod":
            obj["metadata"].pop("ownerReferences")
            cluster.cache.put(cluster.api.stamped(obj, obj))
    (revision,) = looked_at(cluster).weights
    snapshot = cluster.observer.look(cluster.key, None)
    assert snapshot is not None
    assert snapshot.observed.revision(revision).ready == SPEC["replicas"]


def test_a_status_of_another_resource_counts_as_lost() -> None:
    """As restored in another cluster, where the version that is being tried was stable already."""
    cluster = served()
    cluster.apply({**SPEC, **NEWER})
    cluster.run({"weight": 10})
    elsewhere = served(**NEWER)
    assert elsewhere.status()["versions"] == {"stable": "2 models"}
    mine, theirs = cluster.status(), elsewhere.status() | {"resourceUid": "of another"}
    mdep = cluster.cache.mdep(cluster.key)
    assert mdep is not None
    cluster.cache.put(cluster.api.stamped({**mdep, "status": theirs}, mdep))
    decision = looked_at(cluster)
    assert [t.reason for t in decision.transitions] == ["StatusRecovered"]
    stable = mine["stable"]["revision"]
    assert decision.status.stable is not None
    assert decision.status.stable.revision == stable
    assert decision.weights[stable] == 90
