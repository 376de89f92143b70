"""How pods are read: ready or not, since when, and why not, in words a person can act on."""

from typing import Any

import pytest

from transit_operator.core.times import epoch
from transit_operator.runtime.pods import pod, revision_states

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
    return {"containerStatuses": [{"restartCount": 2, **state}]}


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


LATER = "2026-11-24T06:05:00Z"
EVICTED = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
DRAINED = {"conditions": [condition("DisruptionTarget", "True")]}


@pytest.mark.parametrize(
    ("status", "disrupted"),
    [
        (EVICTED, True),
        (DRAINED, True),
        ({"phase": "Succeeded"}, True),
        ({"phase": "Running"}, False),
    ],
    ids=["evicted", "drained", "ended", "not ready"],
)
def test_an_evicted_or_drained_pod_is_told_from_a_sick_one(
    status: dict[str, Any], disrupted: bool
) -> None:
    assert pod(obj(status, uid="u")).disrupted is disrupted


@pytest.mark.parametrize(
    ("changed", "restarts", "starting"),
    [(SINCE, 0, True), (LATER, 0, False), (SINCE, 1, False)],
    ids=["not ready since its start", "was ready in between", "has restarted"],
)
def test_a_pod_that_comes_up_is_told_from_one_that_is_not_ready_any_more(
    changed: str, restarts: int, starting: bool
) -> None:
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": changed}
    status = {"startTime": SINCE, "conditions": [ready]}
    status |= {"containerStatuses": [{"restartCount": restarts}]}
    assert pod(obj(status)).starting is starting


def test_what_an_evicted_pod_left_behind_is_no_cause() -> None:
    owned = {("Pod", "p"): obj(EVICTED)}
    assert revision_states(owned)["r1"].why_not_ready == ""
