"""What happens where things are not well: short room, refused or missing requests, lost statuses.

No share goes where nothing serves, nothing hangs, and the status says why.
The pure world (tests/unit) tells these stories in all their variants; here each meets the cluster.
"""

import copy
import json

import pytest

from dev.cluster.ui import StepFailed
from tests.support import Object, eventually

from .history import statuses
from .scene import NAME, Scene

QUOTA: Object = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "room"}}


def room(scene: Scene, pods: int) -> None:
    """No more than so many pods fit into the namespace."""
    quota = {**QUOTA, "spec": {"hard": {"pods": str(pods)}}}
    quota["metadata"] = {"name": "room", "namespace": scene.namespace}
    scene.kube.apply(json.dumps(quota))


def shares(status: Object) -> dict[str, int]:
    """Revision → percent of the traffic."""
    return {w["revision"]: w["weight"] for w in status.get("traffic") or []}


def emptied(scene: Scene) -> None:
    """Empty the status, as a restore from a backup does."""
    patch = json.dumps([{"op": "replace", "path": "/status", "value": {}}])
    where = ("-n", scene.namespace, "patch", "mdep", NAME)
    scene.kube(*where, "--subresource=status", "--type=json", f"--patch={patch}")


def test_a_rollback_from_100_percent_ends_though_others_took_the_room(scene: Scene) -> None:
    """Given 100 % and a quota that leaves no room, when it turns bad, then traffic goes back."""
    scene.holds("1s", "1s", "10m")
    scene.spec["replicas"] = 4
    first = scene.serving(rate=10)
    second = scene.roll_out("1.1.0", rate=10)
    scene.until_step(second, 3, 60)
    eventually("the standby is two pods", lambda: len(scene.pods(first)) == 2, 40)
    room(scene, 6)
    scene.tell(second, errors=0.5)
    scene.until_rejected(second, "ErrorRate", 120)
    assert scene.status["traffic"] == [{"revision": first, "weight": 100}]


def test_a_candidate_that_refuses_requests_is_turned_back(scene: Scene) -> None:
    """Given a stable that takes all requests, when the candidate refuses a third, then Invalid."""
    first = scene.serving()
    second = scene.roll_out("1.1.0", invalid=0.3)
    found = scene.until_rejected(second, "Invalid")
    assert found["stable"]["revision"] == first
    assert found["rejected"]["evidence"]["signal"] == "invalid"


def test_wrong_requests_that_both_refuse_are_no_fault(scene: Scene) -> None:
    scene.serving(invalid=0.3)
    second = scene.roll_out("1.1.0", invalid=0.3)
    scene.until_stable(second)
    assert scene.given_weights(second) == [10, 50, 100]


def test_a_candidate_that_nothing_reaches_is_turned_back(scene: Scene) -> None:
    """Given 10 %, when the gateway reaches none of its pods, then the reason is NoTraffic."""
    scene.holds("10m", "2s", "3s")
    scene.spec["replicas"] = 2
    first = scene.serving(rate=200)
    second = scene.roll_out("1.1.0", rate=0)
    found = scene.until_rejected(second, "NoTraffic")
    assert found["stable"]["revision"] == first


@pytest.mark.usefixtures("gpus")
def test_a_first_deployment_with_fewer_pods_than_asked_is_stable_and_says_so(scene: Scene) -> None:
    """Given room for four of five, then it is stable after the deadline, and steps follow it.

    The scheduler counts GPUs exactly. A quota may let one pod more pass: Kubernetes counts anew
    what is used whenever a pod ends, from what it knows of the others at that moment.
    """
    anywhere = copy.deepcopy(scene.spec["server"])
    scene.in_the_gpu_pool()
    scene.spec["replicas"] = 5
    scene.spec["rollout"]["progressDeadline"] = "25s"  # in which four pods come up anywhere
    first = scene.roll_out("1.0.0")
    scene.until_stable(first, 90)
    told = next(t for t in scene.history if t["reason"] == "Healthy")
    assert "4 of 5 pods" in told["message"]
    assert "nvidia.com/gpu" in told["message"]
    scene.spec["server"] = anywhere
    scene.spec["rollout"]["progressDeadline"] = "30s"
    second = scene.roll_out("1.1.0")
    scene.until_stable(second)
    assert scene.given_weights(second) == [10, 50, 100]


def test_an_emptied_status_gives_the_candidate_nothing(scene: Scene) -> None:
    """Given 10 %, when the status is emptied, then who has the traffic is the stable.

    And the command of long ago, which stands on the resource for ever, isn't carried out again.
    """
    scene.holds("10m", "2s", "3s")
    scene.spec["replicas"] = 2
    first = scene.serving(rate=10)
    scene.commanded("promote-full")
    second = scene.roll_out("1.1.0", rate=10)
    scene.until_given(second, 10)
    mark = len(scene.mdep.seen)
    emptied(scene)
    scene.until("it is rebuilt", lambda s: (s.get("stable") or {}).get("revision") == first, 20)
    scene.until("it goes on", lambda s: (s.get("candidate") or {}).get("revision") == second, 20)
    scene.evaluations(3)
    for status in statuses(scene.mdep.seen[mark:]):
        assert shares(status).get(second, 0) <= 10, status["traffic"]


def test_an_emptied_status_gives_a_rejected_version_nothing(scene: Scene) -> None:
    first = scene.serving()
    second = scene.roll_out("1.1.0", errors=0.5)
    scene.until_rejected(second, "ErrorRate")
    mark = len(scene.mdep.seen)
    emptied(scene)
    found = scene.until("it is rebuilt", lambda s: bool(s.get("rejected")), 20)
    assert found["stable"]["revision"] == first
    assert found["rejected"]["revision"] == second
    for status in statuses(scene.mdep.seen[mark:]):
        assert second not in shares(status)


def test_a_stable_that_lost_its_record_is_no_obstacle(scene: Scene) -> None:
    """Given the stable's ControllerRevision is deleted, then it is back, and the next one goes."""
    first = scene.serving()
    record = f"{NAME}-{first}"
    scene.kube("-n", scene.namespace, "delete", "controllerrevision", record)
    second = scene.roll_out("1.1.0")
    scene.until_stable(second)


def test_what_comes_back_gets_what_it_can_carry(scene: Scene) -> None:
    """Given 10 % and a stable of 4 that dies, when one pod is back, then it gets a part of it."""
    scene.holds("10m", "2s", "3s")
    scene.analysis["health"] = {"consecutiveFailures": 100}
    scene.spec["replicas"] = 4
    first = scene.serving(rate=10)
    second = scene.roll_out("1.1.0", rate=10)
    scene.until_given(second, 10)
    scene.tell(first, ready=False)
    scene.until("the candidate has all", lambda s: shares(s) == {second: 100}, 30)
    eventually("it has the pods for it", lambda: len(scene.pods(second)) == 4, 40)
    mark = len(scene.mdep.seen)
    one, *_ = scene.pods(first)
    tell_pod(scene, one, ready=True)
    scene.until("the stable has some", lambda s: shares(s).get(first, 0) > 0, 30)
    for status in statuses(scene.mdep.seen[mark:]):
        assert shares(status).get(first, 0) <= 25, status["traffic"]
    assert len(scene.pods(second)) == 4, "who carried it left before the drain"
    scene.tell(first, ready=True)
    scene.until("as before", lambda s: shares(s) == {first: 90, second: 10}, 60)


def tell_pod(scene: Scene, pod: Object, **behaviour: object) -> None:
    """Turn knobs of one pod."""
    path = f"/api/v1/namespaces/{scene.namespace}/pods/{pod['metadata']['name']}:8000/proxy/puppet"
    scene.kube("create", "--raw", path, "-f", "-", stdin=json.dumps(behaviour))


def test_a_gateway_that_does_not_exist_is_told(scene: Scene) -> None:
    """Given a parentRef to nothing, then it is not available, and RouteAccepted says why."""
    scene.spec["traffic"]["gateway"]["parentRefs"] = [{"name": "no-such", "namespace": "traefik"}]
    scene.roll_out("1.0.0")
    scene.until(
        "RouteAccepted is False",
        lambda s: scene.condition("RouteAccepted").get("status") == "False",
        60,
    )
    assert scene.condition("Available")["status"] == "False"
    scene.by_gateway()
    scene.apply()
    scene.until(
        "RouteAccepted is True",
        lambda s: scene.condition("RouteAccepted").get("status") == "True",
        60,
    )


def test_of_two_on_one_host_the_younger_says_so(scene: Scene) -> None:
    scene.serving()
    with Scene(scene.kube, scene.namespace, "younger") as other:
        other.spec["traffic"] = scene.spec["traffic"]
        other.roll_out("1.0.0")
        other.until(
            "the younger says who has its host",
            lambda s: NAME in other.condition("RouteAccepted").get("message", ""),
            60,
        )
        assert other.condition("RouteAccepted")["status"] == "False"
        scene.spec["traffic"] = copy.deepcopy(scene.spec["traffic"])
        scene.spec["traffic"]["gateway"]["hostnames"] = [f"free.{scene.namespace}.example.com"]
        scene.apply()
        other.until(
            "the younger has it as soon as it is given up",
            lambda s: other.condition("RouteAccepted").get("status") == "True",
            30,
        )
    scene.until(
        "the older one has its other host",
        lambda s: scene.condition("RouteAccepted").get("status") == "True",
        30,
    )


def test_a_host_name_that_no_gateway_takes_is_refused(scene: Scene) -> None:
    scene.ask_for("1.0.0")
    scene.spec["traffic"]["gateway"]["hostnames"] = ["kepler_new.example.com"]
    with pytest.raises(StepFailed, match="hostnames"):
        scene.apply()


def test_clients_inside_the_cluster_stay_with_the_stable_until_promotion(scene: Scene) -> None:
    """Given 50 % by gateway, then Service NAME leads to the stable."""
    scene.holds("1s", "10m", "3s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_given(second, 50)
    scene.evaluations(2)
    service = scene.kube.find("-n", scene.namespace, "service", NAME)
    assert service is not None
    assert service["spec"]["selector"]["transit.dev/revision"] == first


def test_by_pod_counts_the_status_says_what_is_reached(scene: Scene) -> None:
    """Given one replica, then 10 % is really half, and WeightReached says so."""
    scene.by_replicas()
    scene.holds("10m", "2s", "3s")
    scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 1)
    scene.until("both answer", lambda s: shares(s).get(second) == 50, 30)
    scene.until(
        "it says so", lambda s: scene.condition("WeightReached").get("status") == "False", 20
    )


@pytest.mark.usefixtures("gpus")
def test_a_full_pool_rolls_out_what_it_can_hold(scene: Scene) -> None:
    """Given a GPU pool with room for four and four replicas, then Shared needs no more of it."""
    scene.in_the_gpu_pool()
    scene.spec["replicas"] = 4
    scene.spec["rollout"]["capacity"] = "Shared"
    scene.spec["rollout"]["progressDeadline"] = "60s"
    first = scene.serving(rate=10)
    second = scene.roll_out("1.1.0", rate=10)
    scene.until_stable(second, 180)
    assert scene.given_weights(second) == [10, 50, 100]
    third = scene.roll_out("1.2.0", rate=10, errors=0.5)
    scene.until_rejected(third, "ErrorRate", 120)
    assert first != second
