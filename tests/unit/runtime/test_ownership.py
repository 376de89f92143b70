"""Whose an object is: what is somebody else's is neither seen nor touched."""

from dataclasses import replace

import pytest

from tests.unit.runtime.written import (
    OWNER,
    R1,
    Api,
    by_name,
    execute,
    rolling_back,
    routed,
    running,
)
from transit_operator.adapters.kubernetes import Refused
from transit_operator.core.objects.build import Object, labels
from transit_operator.core.objects.identity import revision_labels
from transit_operator.runtime.observing.ownership import ours

STRANGERS: dict[str, Object] = {
    "a Service under our name with our label": {
        "kind": "Service",
        "metadata": {"name": "m", "labels": labels(OWNER), "ownerReferences": [{"uid": "z"}]},
    },
    "a Deployment under another name with our labels": {
        "kind": "Deployment",
        "metadata": {"name": "debug", "labels": revision_labels("m", "0123456789")},
    },
    "a Deployment under our name of another owner": {
        "kind": "Deployment",
        "metadata": {
            "name": "m-0123456789",
            "labels": revision_labels("m", "0123456789"),
            "ownerReferences": [{"uid": "z", "kind": "App", "name": "m"}],
        },
    },
    "a Service without an owner that says nothing of Transit": {
        "kind": "Service",
        "metadata": {"name": "m", "labels": {"transit.dev/model-deployment": "m"}},
    },
    "a pod of another ReplicaSet": {
        "kind": "Pod",
        "metadata": {
            "name": "p",
            "labels": revision_labels("m", "0123456789"),
            "ownerReferences": [{"uid": "z", "kind": "ReplicaSet", "name": "debug-5c9"}],
        },
    },
    "a bare pod": {
        "kind": "Pod",
        "metadata": {"name": "p", "labels": revision_labels("m", "0123456789")},
    },
}


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_what_is_somebody_elses_is_neither_seen_nor_touched(stranger: Object) -> None:
    assert ours(OWNER, by_name(stranger)) == {}


def test_a_name_that_somebody_else_has_is_refused() -> None:
    stranger = STRANGERS["a Service under our name with our label"]
    api = Api(there=by_name(stranger))
    with pytest.raises(Refused, match="Service m exists and is not Transit's"):
        execute(api, running(R1, "1.0.0"), replace(rolling_back(), replicas={R1: 3}))
    assert "Service/m" not in api.written


def test_a_pod_of_our_deployments_is_ours() -> None:
    pod = {"kind": "Pod", "metadata": {"name": "p", "labels": revision_labels("m", R1)}}
    pod["metadata"]["ownerReferences"] = [  # type: ignore[index]
        {"uid": "r", "kind": "ReplicaSet", "name": f"m-{R1}-5c9"}
    ]
    assert ours(OWNER, by_name(pod)) == by_name(pod)


def test_a_pod_of_our_jobs_is_ours() -> None:
    job: Object = {
        "kind": "Job",
        "metadata": {"name": "j", "labels": labels(OWNER), "ownerReferences": [{"uid": "u1"}]},
    }
    pod: Object = {
        "kind": "Pod",
        "metadata": {
            "name": "p",
            "labels": labels(OWNER),
            "ownerReferences": [{"uid": "x", "kind": "Job", "name": "j"}],
        },
    }
    assert set(ours(OWNER, by_name(job, pod))) == {("Job", "j"), ("Pod", "p")}
    assert ours(OWNER, by_name(pod)) == {}


def test_what_was_left_by_a_deletion_of_the_owner_alone_is_adopted() -> None:
    left = {**running(R1, "1.0.0"), **routed(50, 50)}
    for obj in left.values():
        del obj["metadata"]["ownerReferences"]
    assert ours(OWNER, left) == left
    api = Api()
    execute(api, left, replace(rolling_back(), replicas={R1: 3}))
    assert {name for name in left if name not in api.objects} == set()
    for obj in api.objects.values():
        assert obj["metadata"]["ownerReferences"][0]["uid"] == "u1"
