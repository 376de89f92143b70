"""Testers, prefixes and what else an HTTPRoute is handed on, through the real gateway."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import Message
from typing import NamedTuple

from tests.support import Object, eventually

from .scene import STEPS, Scene

HEADER = {"name": "X-Transit", "value": "candidate"}
PATH = "/puppet"  # where a puppet tells its knobs


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def value(self) -> object:
        """Whose answer it is, by the knob `value`; else the status."""
        found: object = json.loads(self.body)["value"] if self.status == 200 else None
        return found or f"status {self.status}"


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def ask(scene: Scene, path: str = PATH, **headers: str) -> Answer:
    """One request through the gateway; `x_team="a"` is the header x-team."""
    said = {"Host": f"{scene.namespace}.example.com"}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(scene.kube.gateway + path, headers=said)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=5) as answer:
            return Answer(answer.status, answer.read(), _lower(answer.headers))
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read(), _lower(error.headers))


def led(scene: Scene, number: int = 20) -> set[object]:
    """Whom a tester's requests reach."""
    return {ask(scene, x_transit="candidate").value for _ in range(number)}


def test_testers_reach_the_candidate_at_zero_percent_and_leave_without_a_failure(
    scene: Scene,
) -> None:
    """Given a step of 0 %, then who has the header gets the candidate, and nobody else does."""
    scene.spec["traffic"]["candidateHeader"] = HEADER
    scene.spec["rollout"]["steps"] = [{"weight": 0, "hold": "1s", "approval": True}, *STEPS]
    first = scene.serving(value=1)
    eventually("the gateway knows the new route", lambda: led(scene, 1) == {1}, 15)
    assert led(scene) == {1}, "without a candidate testers get what all others get"
    second = scene.roll_out("1.1.0", value=2)
    scene.until("testers are led to it", lambda s: s.get("testers") == second, 40)
    eventually("the gateway knows", lambda: led(scene, 5) == {2}, 10)
    assert led(scene) == {2}
    assert {ask(scene).value for _ in range(20)} == {1}
    assert scene.status["traffic"] == [{"revision": first, "weight": 100}]
    assert scene.status["weight"] == 0
    scene.command("abort")
    seen: set[object] = set()

    def back() -> bool:
        seen.update(found := led(scene, 3))
        return found == {1}

    eventually("testers are back", back, 15, 0.05)
    assert seen <= {1, 2}, "no request failed on the way"
    scene.until("nobody is led elsewhere", lambda s: "testers" not in s)
    scene.settled([first])


def test_with_a_share_testers_get_the_candidate_only(scene: Scene) -> None:
    scene.spec["traffic"]["candidateHeader"] = HEADER
    scene.holds("10m", "2s", "3s")
    scene.serving(value=1)
    second = scene.roll_out("1.1.0", value=2)
    scene.until_given(second, 10)
    eventually("the gateway knows", lambda: led(scene, 5) == {2}, 10)
    assert led(scene, 40) == {2}
    seen = [ask(scene).value for _ in range(200)]
    assert 5 <= seen.count(2) <= 60, "a tenth of all others"


def test_a_prefix_is_taken_off_and_filters_are_handed_on(scene: Scene) -> None:
    scene.spec["traffic"]["gateway"] |= {
        "path": "/kepler",
        "filters": [
            {
                "type": "ResponseHeaderModifier",
                "responseHeaderModifier": {"set": [{"name": "x-model", "value": "kepler"}]},
            }
        ],
    }
    scene.serving(value=1)
    eventually("the gateway knows", lambda: ask(scene, "/kepler/puppet").status == 200, 10)
    found = ask(scene, "/kepler/puppet")
    assert (found.value, found.headers["x-model"]) == (1, "kepler")
    assert ask(scene, "/puppet").status == 404
    assert ask(scene, "/keplerian/puppet").status == 404


def test_what_a_request_must_have_besides(scene: Scene) -> None:
    scene.spec["traffic"]["gateway"]["matches"] = [
        {"headers": [{"name": "x-team", "value": "a"}]},
        {"path": {"type": "Exact", "value": PATH}, "method": "GET"},
    ]
    scene.serving(value=1)
    eventually("the gateway knows", lambda: ask(scene).status == 200, 10)
    by_header, by_nothing = ask(scene, "/other", x_team="a"), ask(scene, "/other")
    assert (by_header.status, by_nothing.status) == (404, 404)
    assert b"no such path" in by_header.body, "the puppet's own words"
    assert b"no such path" not in by_nothing.body, "the gateway's"


def test_a_field_of_another_channel_is_named_and_holds_up_no_rollback(scene: Scene) -> None:
    """Given 10 %, when the spec asks for `retry`, which these CRDs don't have, then abort works."""
    scene.spec["traffic"]["candidateHeader"] = HEADER
    scene.holds("10m", "2s", "3s")
    first = scene.serving(value=1)
    second = scene.roll_out("1.1.0", value=2)
    scene.until_given(second, 10)
    scene.spec["traffic"]["gateway"]["retry"] = {"codes": [503], "attempts": 2}
    del scene.spec["traffic"]["candidateHeader"]
    scene.apply()

    def refused(status: Object) -> bool:
        accepted: Object = next((c for c in status["conditions"] if c["type"] == "Accepted"), {})
        return accepted.get("reason") == "Refused" and "retry" in accepted["message"]

    scene.until("the field is named", refused, 20)
    scene.command("abort")
    all_to_it = [{"revision": first, "weight": 100}]
    scene.until("traffic is back", lambda s: s.get("traffic") == all_to_it, 20)
    eventually("testers too", lambda: led(scene, 5) == {1}, 10)
