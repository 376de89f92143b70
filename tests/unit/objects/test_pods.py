"""How pods are read: ready or not, since when, and why not, in words a person can act on."""

from typing import Any

import pytest

from transit_operator.core.times import epoch
from transit_operator.runtime.observing.pods import pod, revision_states

SINCE = "2026-11-24T06:00:00Z"


def obj(status: dict[str, Any], **meta: Any) -> dict[str, Any]:
    labels = {"transit.dev/model-deployment": "m", "transit.dev/revision": "r1"}
    return {
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "ml", "labels": labels, **meta},
        "status": status,
    }


def condition(kind: str, value: str, **more: str) -> dict[str, Any]:
    return {"type": kind, "status": value, "lastTransitionTime": SINCE, **more}


def container(**state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "server", "restartCount": 2, **state}]}


def init(**state: Any) -> dict[str, Any]:
    return {"initContainerStatuses": [{"name": "mesh-init", "restartCount": 3, **state}]}


ENDED = {"reason": "Error", "exitCode": 1, "message": "transit-server: no such model\n"}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}

PROBLEMS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing is known yet": ({}, ""),
    "no node fits": (
        {
            "conditions": [
                condition("PodScheduled", "False", reason="Unschedulable", message="0/2 nodes fit")
            ]
        },
        "Unschedulable: 0/2 nodes fit",
    ),
    "the image is being pulled": (
        container(state={"waiting": {"reason": "ContainerCreating"}}),
        "",
    ),
    "the image can't be pulled": (
        container(state={"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}),
        "ImagePullBackOff: not found",
    ),
    "it dies on load": (
        container(state=BACK_OFF, lastState={"terminated": ENDED}),
        "CrashLoopBackOff (exit code 1): transit-server: no such model",
    ),
    "it was killed for memory": (
        container(
            state={"running": {}},
            lastState={"terminated": {"reason": "OOMKilled", "exitCode": 137, "message": "a log"}},
        ),
        "the container ended (OOMKilled)",
    ),
    "an init container dies": (
        container(state={"waiting": {"reason": "PodInitializing"}})
        | init(state=BACK_OFF, lastState={"terminated": ENDED}),
        "init container mesh-init: CrashLoopBackOff (exit code 1): transit-server: no such model",
    ),
    "an init container's Secret is missing": (
        init(state={"waiting": {"reason": "CreateContainerConfigError", "message": "no secret"}}),
        "init container mesh-init: CreateContainerConfigError: no secret",
    ),
    "an init container has done its part, and the server dies": (
        container(state=BACK_OFF, lastState={"terminated": ENDED})
        | init(state={"terminated": {"reason": "Completed", "exitCode": 0}}),
        "CrashLoopBackOff (exit code 1): transit-server: no such model",
    ),
    "a native sidecar that restarted once is up": (
        container(state={"running": {}})
        | init(ready=True, state={"running": {}}, lastState={"terminated": ENDED}),
        "",
    ),
    "a sidecar is what isn't ready": (
        {
            "containerStatuses": [
                {"name": "a-proxy", "state": BACK_OFF, "lastState": {"terminated": ENDED}},
                {"name": "server", "ready": True, "state": {"running": {}}},
            ]
        },
        "container a-proxy: CrashLoopBackOff (exit code 1): transit-server: no such model",
    ),
    "the server's cause comes before a sidecar's": (
        {
            "containerStatuses": [
                {"name": "a-proxy", "state": BACK_OFF, "lastState": {"terminated": ENDED}},
                {"name": "server", "state": {"waiting": {"reason": "ErrImagePull"}}},
            ]
        },
        "ErrImagePull",
    ),
    "it was evicted": (
        {"phase": "Failed", "reason": "Evicted", "message": "the node was low on memory"},
        "Evicted: the node was low on memory",
    ),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_says_why_a_pod_is_not_ready(case: str) -> None:
    status, problem = PROBLEMS[case]
    found = pod(obj(status))
    assert (found.ready, found.problem) == (False, problem)


def test_a_ready_pod_says_since_when_and_forgets_old_problems() -> None:
    status = container(state={"running": {}}, lastState={"terminated": ENDED})
    found = pod(obj(status | {"conditions": [condition("Ready", "True")]}))
    assert found.ready
    assert found.ready_since == epoch(SINCE)
    assert found.restarts == 2
    assert found.problem == ""


def test_pods_that_are_being_deleted_do_not_count() -> None:
    ready = {"conditions": [condition("Ready", "True")]}
    owned = {
        ("Pod", "p"): obj(ready),
        ("Pod", "q"): obj(ready, name="q", deletionTimestamp=SINCE),
    }
    assert revision_states(owned)["r1"].ready == 1


def test_only_the_servers_restarts_count() -> None:
    status = {
        "containerStatuses": [
            {"name": "istio-proxy", "restartCount": 7},
            {"name": "server", "restartCount": 1},
        ],
        "initContainerStatuses": [{"name": "native-sidecar", "restartCount": 9}],
    }
    assert pod(obj(status)).restarts == 1


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_pod_that_has_ended_is_history(phase: str) -> None:
    left = obj({"phase": phase, "reason": "Evicted", "message": "low on disk"}, name="left")
    owned = {("Pod", "left"): left, ("Pod", "p"): obj({"phase": "Pending"})}
    state = revision_states(owned)["r1"]
    assert [p.name for p in state.pods] == ["p"]
    assert state.why_not_ready == ""


FULL = 'Usage of EmptyDir volume "cache" exceeds the limit "20Gi". '


def test_a_pod_that_filled_its_own_disk_is_a_cause_and_counts_as_a_restart() -> None:
    left = obj({"phase": "Failed", "reason": "Evicted", "message": FULL}, name="left")
    coming = obj({"phase": "Pending"})
    state = revision_states({("Pod", "left"): left, ("Pod", "p"): coming})["r1"]
    assert [p.name for p in state.pods] == ["p"]
    assert state.why_not_ready == f"Evicted: {FULL.strip()}"
    assert state.restarts == 1
    # What is wrong with the pod that is there comes first.
    stuck = obj(container(state={"waiting": {"reason": "ErrImagePull"}}))
    state = revision_states({("Pod", "left"): left, ("Pod", "p"): stuck})["r1"]
    assert state.why_not_ready == "ErrImagePull"


def test_a_pod_that_is_evicted_or_preempted_is_disrupted_and_no_cause() -> None:
    going = condition("DisruptionTarget", "True", reason="EvictionByEvictionAPI")
    status = container(state={"terminated": ENDED}) | {"conditions": [going]}
    found = pod(obj(status))
    assert found.disrupted
    assert revision_states({("Pod", "p"): obj(status)})["r1"].why_not_ready == ""


@pytest.mark.parametrize(
    ("ready", "containers", "reason", "lost"),
    [
        pytest.param("False", "True", "", True, id="the node controller said so alone"),
        pytest.param("False", "False", "ContainersNotReady", False, id="its kubelet says so"),
        pytest.param("False", "True", "ReadinessGatesNotReady", False, id="a gate is closed"),
        pytest.param("True", "True", "", False, id="all is well"),
    ],
)
def test_a_pod_on_a_lost_node_is_disrupted(
    ready: str, containers: str, reason: str, lost: bool
) -> None:
    said = [condition("Ready", ready, reason=reason), condition("ContainersReady", containers)]
    assert pod(obj({"conditions": said})).disrupted is lost


@pytest.mark.parametrize(
    ("status", "starting"),
    [
        pytest.param({}, True, id="waits for a node"),
        pytest.param(
            {"startTime": SINCE, "conditions": [condition("Ready", "False")]}, True, id="starts"
        ),
        pytest.param(
            {
                "startTime": "2026-11-24T05:00:00Z",
                "conditions": [condition("Ready", "False")],
            },
            False,
            id="was ready once",
        ),
        pytest.param(container(state={"running": {}}), False, id="has restarted"),
    ],
)
def test_which_pods_are_coming_up(status: dict[str, Any], starting: bool) -> None:
    assert pod(obj(status)).starting is starting


def test_a_kubelet_that_dates_nothing_stops_no_look() -> None:
    """Those that are not Kubernetes' own leave the time out, which is written as null."""
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": None}
    found = pod(obj({"conditions": [ready]}))
    assert (found.ready, found.ready_since) == (True, 0.0)


@pytest.mark.parametrize(
    ("finalizers", "waits"),
    [(["foregroundDeletion"], "its pods"), (["foregroundDeletion", "a/b", "c/d"], "a/b, c/d")],
)
def test_a_deployment_that_is_on_its_way_out_is_the_cause(
    finalizers: list[str], waits: str
) -> None:
    """Its controller makes no pods any more, and its name is taken until it is gone."""
    meta = obj({})["metadata"] | {"name": "m-r1", "deletionTimestamp": SINCE}
    leaving = {"kind": "Deployment", "metadata": {**meta, "finalizers": finalizers}, "spec": {}}
    state = revision_states({("Deployment", "m-r1"): leaving})["r1"]
    words = "Deployment m-r1 was deleted, and is not gone yet: it waits for "
    assert state.why_not_ready == words + waits
