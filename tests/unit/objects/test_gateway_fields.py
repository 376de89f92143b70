"""What `traffic.gateway` hands on to the HTTPRoute, and what Transit adds."""

from typing import Any

import pytest

from tests.unit.world import spec
from transit_operator.core.objects.build import Object, Owner
from transit_operator.routers import for_spec
from transit_operator.routers.acceptance import claims

OWNER = Owner("ml", "kepler", "uid-1")
REWRITE = {
    "type": "URLRewrite",
    "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}},
}
PREFIX = {"path": {"type": "PathPrefix", "value": "/"}}


def route(**gateway: Any) -> Object:
    whole = {"parentRefs": [{"name": "public"}], **gateway}
    router = for_spec(spec(traffic={"router": "gateway", "gateway": whole}))
    found = router.objects(OWNER, {"aaaaaaaaaa": 100})[0]
    found["metadata"]["creationTimestamp"] = "2026-11-24T06:00:00Z"
    return found


def rule(**gateway: Any) -> Object:
    (found,) = route(**gateway)["spec"]["rules"]
    result: Object = found
    return result


def test_what_is_not_asked_for_is_not_there() -> None:
    assert set(rule()) == {"matches", "backendRefs"}
    assert rule()["matches"] == [PREFIX]


def test_what_is_asked_for_is_handed_on_as_it_is() -> None:
    given: dict[str, Any] = {
        "filters": [{"type": "CORS", "cors": {"allowOrigins": ["*"]}}],
        "timeouts": {"request": "10s", "backendRequest": "2s"},
        "retry": {"codes": [503], "attempts": 2},
        "sessionPersistence": {"type": "Cookie", "sessionName": "s"},
    }
    found = rule(**given)
    assert {field: found[field] for field in given} == given


def test_a_prefix_is_taken_off() -> None:
    found = rule(path="/kepler")
    assert found["matches"] == [{"path": {"type": "PathPrefix", "value": "/kepler"}}]
    assert found["filters"] == [REWRITE]


def test_unless_it_is_rewritten_otherwise() -> None:
    host = {"type": "URLRewrite", "urlRewrite": {"hostname": "a.b"}}
    assert rule(path="/kepler", filters=[host])["filters"] == [host]


def test_other_filters_stay_beside_it() -> None:
    cors = {"type": "CORS", "cors": {}}
    assert rule(path="/kepler", filters=[cors])["filters"] == [cors, REWRITE]


def test_a_match_has_the_prefix_unless_it_has_a_path() -> None:
    exact = {"type": "Exact", "value": "/api/v1/predict"}
    found = rule(matches=[{"method": "GET"}, {"path": exact}])
    assert found["matches"] == [PREFIX | {"method": "GET"}, {"path": exact}]


@pytest.mark.parametrize(
    ("gateway", "paths"),
    [
        pytest.param({}, {"/"}, id="everything"),
        pytest.param({"path": "/kepler"}, {"/kepler"}, id="a prefix"),
        pytest.param({"matches": [{"method": "POST"}]}, set(), id="only some methods"),
        pytest.param(
            {"matches": [{"path": {"type": "Exact", "value": "/"}}]}, {"Exact /"}, id="one path"
        ),
    ],
)
def test_what_a_route_takes_from_all_others(gateway: dict[str, Any], paths: set[str]) -> None:
    """Two routes are rivals only for the same path, and only where nothing else tells them
    apart."""
    assert {claim.path for claim in claims(route(**gateway))} == paths
