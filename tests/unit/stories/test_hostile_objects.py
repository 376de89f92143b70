"""A ModelDeployment with anything in its spec, status or annotations is looked at, and decided.

The path is the operator's own: what is read, parsed, decided and described, up to what would be
written. Whatever stands in an object, the look raises nothing, and what is said of it is JSON that
fits into an object. `test_hostile_answers` has what Prometheus may say.
"""

import json
from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cluster import Cluster
from tests.unit.hostile import HUGE, spoilt
from tests.unit.scenes import FAILING, against
from tests.unit.words.test_status_size import LIMIT
from transit_operator.api import names
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.core.decide import decide

Object = dict[str, Any]
RESOURCE = {
    "apiVersion": "transit.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "m", "namespace": "ml"},
}
SPEC: Object = {
    "models": [{"name": "forest", "version": "1.0.0"}, {"name": "kepler", "version": "1.0.0"}],
    "default": "ensemble",
    "storage": {"uri": "s3://models", "secretName": "minio"},
    "replicas": 3,
    "server": {"env": [{"name": "A", "value": "b"}], "podTemplate": {"metadata": {"labels": {}}}},
    "traffic": {
        "router": "gateway",
        "gateway": {"parentRefs": [{"name": "public"}], "hostnames": ["a.example.com"]},
        "candidateHeader": {"name": "X-Try", "value": "yes"},
    },
    "rollout": {
        "steps": [{"weight": 10, "hold": "1h"}, {"weight": 100, "hold": "1h"}],
        "analysis": {"errorRate": {"max": 0.05}},
    },
}
# How far the story has come: what is in the status differs.
STORIES: dict[str, Object] = {
    "looked up": {"phase": "Pending"},
    "stable": {"phase": "Stable"},
    "on the way": {"weight": 10},
    "baking": {"weight": 100},
}


@cache
def story(name: str) -> Cluster:
    """Return a cluster at that moment of a rollout; it stays as it is."""
    cluster = Cluster(json.loads(json.dumps(RESOURCE)), OperatorConfig())
    if name == "looked up":
        cluster.storage = None
    cluster.apply(SPEC)
    if name not in ("looked up", "stable"):
        cluster.run({"phase": "Stable"})
        models = [{**model, "version": "2.0.0"} for model in SPEC["models"]]
        spec = {**SPEC, "models": models}
        if name == "baking":
            spec |= {"rollout": {"steps": [{"weight": 100, "hold": "1h"}]}}
        cluster.apply(spec)
    cluster.run(STORIES[name])
    return cluster


def looked_at(cluster: Cluster, mdep: Object) -> Object:
    """Look at an object a few times; return the status that would be written last."""
    kept = cluster.cache.mdep(cluster.key)
    assert kept is not None
    try:
        for _ in range(3):
            mdep = cluster.api.stamped(mdep, mdep)
            cluster.cache.put(mdep)
            snapshot = cluster.observer.look(cluster.key, against(FAILING))
            assert snapshot is not None
            status = decide(snapshot.observed).status
            written: Object = status.model_dump(mode="json", by_alias=True, exclude_none=True)
            json.dumps(written, allow_nan=False).encode()
            mdep = {**mdep, "status": written}
    finally:
        cluster.cache.put(cluster.api.stamped(kept, kept))
    return written


def is_told(status: Object, *, had: int = 0) -> None:
    """Whatever was wrong, there is one line for people, and the status stays small.

    `had`: bytes of one that somebody else has written, which are not taken from it.
    """
    assert 0 < len(status["message"]) <= 1_000
    assert len(json.dumps(status)) < LIMIT + had


@given(name=st.sampled_from(list(STORIES)), data=st.data())
def test_any_status_is_understood_as_far_as_it_goes(name: str, data: st.DataObject) -> None:
    cluster = story(name)
    mdep = cluster.cache.mdep(cluster.key)
    assert mdep is not None
    status = data.draw(spoilt(mdep["status"]))
    is_told(looked_at(cluster, {**mdep, "status": status}), had=len(json.dumps(status)))


@given(name=st.sampled_from(["stable", "on the way"]), data=st.data())
def test_any_spec_is_refused_or_acted_upon(name: str, data: st.DataObject) -> None:
    cluster = story(name)
    mdep = cluster.cache.mdep(cluster.key)
    assert mdep is not None
    spec = data.draw(spoilt(mdep["spec"]))
    is_told(looked_at(cluster, {**mdep, "spec": spec}))


ACTIONS = st.one_of(
    st.sampled_from(["promote", "abort", "retry", "pause", "resume", "rollback", "resolve"]),
    st.text(max_size=30),
    st.just("x" * HUGE),
)


@given(
    name=st.sampled_from(list(STORIES)),
    verb=ACTIONS,
    token=st.text(max_size=10) | st.just("t" * HUGE),
)
def test_any_command_is_carried_out_or_told_to_be_none(name: str, verb: str, token: str) -> None:
    cluster = story(name)
    mdep = cluster.cache.mdep(cluster.key)
    assert mdep is not None
    annotations = {names.ANNOTATION_ACTION: f"{verb}/{token}"}
    is_told(
        looked_at(cluster, {**mdep, "metadata": {**mdep["metadata"], "annotations": annotations}})
    )
