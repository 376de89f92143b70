"""A rollout and a rollback behind Envoy Gateway: who gets the requests, counted at each step.

Neighbours: `tests/scenarios` has every rule, on Traefik; here is one witness that another
implementation follows the same HTTPRoute, and that the operator understands what it answers.
"""

from collections import Counter

from tests.scenarios.history import condition
from tests.scenarios.scene import Scene
from tests.support import eventually

from .client import Client

STABLE, CANDIDATE = 1, 2
HEADER = {"name": "X-Transit", "value": "candidate"}
CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"


def serving(scene: Scene, client: Client) -> str:
    """Given a first version that Envoy leads to; its revision."""
    first = scene.serving(value=STABLE)
    eventually("Envoy knows the route", lambda: client.ask(1) == {STABLE: 1}, 30)
    return first


def shared(scene: Scene, client: Client, revision: str, weight: int, least: int, most: int) -> None:
    """Wait until the status says the weight, and of 200 requests the candidate gets its share."""
    scene.until_given(revision, weight)

    def share() -> Counter[object] | None:
        found = client.ask(200)
        assert set(found) <= {STABLE, CANDIDATE}, "a request failed"
        return found if least <= found[CANDIDATE] <= most else None

    eventually(f"Envoy gives it {weight} %", share, 15)


def test_a_good_version_gets_its_share_at_each_step_and_testers_before_all(
    scene: Scene, client: Client
) -> None:
    """Given a version that serves, when a good one goes 10, 50, 100, then so do the requests.

    The bounds are more than three standard deviations away from the mean.
    """
    scene.spec["traffic"]["candidateHeader"] = HEADER
    scene.holds("20s", "20s", "3s")
    serving(scene, client)
    route = scene.kube.find("-n", scene.namespace, "httproute", scene.name) or {}
    assert [p["controllerName"] for p in route["status"]["parents"]] == [CONTROLLER]
    with client:
        second = scene.roll_out("1.1.0", value=CANDIDATE)
        shared(scene, client, second, 10, 5, 40)
        assert client.ask(40, {HEADER["name"]: HEADER["value"]}) == {CANDIDATE: 40}
        assert condition(scene.status, "RouteAccepted")["status"] == "True"
        shared(scene, client, second, 50, 70, 130)
        scene.until_stable(second)
        eventually("it gets all", lambda: client.ask(100) == {CANDIDATE: 100}, 15)
    assert set(client.seen) == {STABLE, CANDIDATE}, "no request failed on the way"
    assert scene.given_weights(second) == [10, 50, 100]


def test_a_version_that_turns_bad_is_turned_back_and_no_request_fails(
    scene: Scene, client: Client
) -> None:
    """Given a candidate with a tenth of the requests, when it fails, then Envoy leads nobody to it,
    also when its pods are gone."""
    scene.holds("10m", "2s", "3s")
    first = serving(scene, client)
    with client:
        second = scene.roll_out("1.1.0", value=CANDIDATE)
        shared(scene, client, second, 10, 5, 40)
        scene.tell(second, errors=0.5)
        scene.until_rejected(second, "ErrorRate")
        eventually("nobody gets it", lambda: client.ask(100) == {STABLE: 100}, 15)
        scene.settled([first])
        assert client.ask(100) == {STABLE: 100}
    assert set(client.seen) == {STABLE, CANDIDATE}, (
        "a puppet's own answers are 200: Envoy's are not"
    )
