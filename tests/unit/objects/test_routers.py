"""The weights that a router's objects give are the weights that were asked for."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.world import spec
from transit_operator.api import names
from transit_operator.core.objects.build import Object, Owner
from transit_operator.routers import Router, for_spec
from transit_operator.routers.base import percentages
from transit_operator.routers.replicas import ReplicasRouter

OWNER = Owner("ml", "kepler", "uid-1")
GATEWAY = for_spec(spec())
REPLICAS = for_spec(spec(traffic={"router": "replicas"}))


def live(objects: list[Object]) -> dict[tuple[str, str], Object]:
    return {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects}


def read_back(router: Router, weights: Mapping[str, int], ready: Mapping[str, int]) -> object:
    return router.weights(OWNER, live(router.objects(OWNER, weights)), ready)


@pytest.mark.parametrize(
    ("traffic", "kind"),
    [
        pytest.param({}, "ReplicasRouter", id="replicas is the default"),
        pytest.param({"router": "replicas"}, "ReplicasRouter", id="replicas"),
        pytest.param(
            {"router": "gateway", "gateway": {"parentRefs": [{"name": "g"}]}},
            "GatewayRouter",
            id="gateway",
        ),
    ],
)
def test_which_router_a_spec_asks_for(traffic: dict[str, object], kind: str) -> None:
    assert type(for_spec(spec(traffic=traffic))).__name__ == kind


@given(weight=st.integers(1, 99))
def test_gateway_reads_back_the_weights_it_wrote(weight: int) -> None:
    weights = {"aaaaaaaaaa": 100 - weight, "bbbbbbbbbb": weight}
    assert read_back(GATEWAY, weights, {}) == weights


def test_gateway_reads_back_a_single_revision() -> None:
    assert read_back(GATEWAY, {"aaaaaaaaaa": 100}, {}) == {"aaaaaaaaaa": 100}


def test_gateway_service_is_pinned_to_the_revision_with_most_traffic() -> None:
    objects = live(GATEWAY.objects(OWNER, {"aaaaaaaaaa": 40, "bbbbbbbbbb": 60}))
    service = objects[("Service", "kepler")]
    assert service["spec"]["selector"][names.LABEL_REVISION] == "bbbbbbbbbb"


def test_gateway_service_stays_with_the_stable_while_that_has_traffic() -> None:
    for weights in ({"aaaaaaaaaa": 50, "bbbbbbbbbb": 50}, {"aaaaaaaaaa": 90, "bbbbbbbbbb": 10}):
        service = live(GATEWAY.objects(OWNER, weights, "bbbbbbbbbb"))[("Service", "kepler")]
        assert service["spec"]["selector"][names.LABEL_REVISION] == "bbbbbbbbbb"
    service = live(GATEWAY.objects(OWNER, {"aaaaaaaaaa": 100}, "bbbbbbbbbb"))[("Service", "kepler")]
    assert service["spec"]["selector"][names.LABEL_REVISION] == "aaaaaaaaaa"


def test_gateway_route_points_at_the_revisions_services_on_the_services_port() -> None:
    parents = [{"name": "public", "namespace": "infra", "sectionName": "https"}]
    traffic = {
        "router": "gateway",
        "gateway": {"parentRefs": parents, "hostnames": ["kepler.example.com"]},
    }
    router = for_spec(spec(traffic=traffic))
    route = live(router.objects(OWNER, {"aaaaaaaaaa": 100}))[("HTTPRoute", "kepler")]
    assert route["spec"]["hostnames"] == ["kepler.example.com"]
    assert route["spec"]["parentRefs"][0].items() >= parents[0].items()
    (backend,) = route["spec"]["rules"][0]["backendRefs"]
    assert (backend["name"], backend["port"]) == ("kepler-aaaaaaaaaa", names.SERVICE_PORT)


@pytest.mark.parametrize(
    ("backends", "weights"),
    [
        pytest.param([], {}, id="no backends give nothing"),
        pytest.param([{"name": "kepler-aaaaaaaaaa"}], {"aaaaaaaaaa": 100}, id="no weight is 1"),
        pytest.param(
            [
                {"name": "kepler-aaaaaaaaaa", "weight": 1},
                {"name": "kepler-bbbbbbbbbb", "weight": 3},
            ],
            {"aaaaaaaaaa": 25, "bbbbbbbbbb": 75},
            id="weights edited by hand are read as percent",
        ),
        pytest.param(
            [
                {"name": "kepler-aaaaaaaaaa", "weight": 9},
                {"name": "kepler-bbbbbbbbbb", "weight": 0},
            ],
            {"aaaaaaaaaa": 100},
            id="a weight of zero has no share",
        ),
    ],
)
def test_gateway_reads_a_route_as_it_is(
    backends: list[dict[str, object]], weights: dict[str, int]
) -> None:
    route = {"spec": {"rules": [{"backendRefs": backends}]}}
    assert GATEWAY.weights(OWNER, {("HTTPRoute", "kepler"): route}, {}) == weights


@pytest.mark.parametrize("router", [GATEWAY, REPLICAS], ids=["gateway", "replicas"])
def test_without_objects_or_weights_there_is_nothing(router: Router) -> None:
    assert router.weights(OWNER, {}, {"aaaaaaaaaa": 3}) == {}
    assert router.objects(OWNER, {}) == []


@pytest.mark.parametrize("router", [GATEWAY, REPLICAS], ids=["gateway", "replicas"])
def test_every_object_is_owned_and_the_traffic_bearing_one_comes_first(router: Router) -> None:
    objects = router.objects(OWNER, {"aaaaaaaaaa": 90, "bbbbbbbbbb": 10})
    assert {obj["metadata"]["ownerReferences"][0]["uid"] for obj in objects} == {"uid-1"}
    assert {obj["metadata"]["namespace"] for obj in objects} == {"ml"}
    first = "HTTPRoute" if router is GATEWAY else "Service"
    assert objects[0]["kind"] == first


def test_replicas_pins_the_service_to_the_only_revision_whatever_pods_there_are() -> None:
    (service,) = REPLICAS.objects(OWNER, {"aaaaaaaaaa": 100})
    assert service["spec"]["selector"] == {
        names.LABEL_MODEL_DEPLOYMENT: "kepler",
        names.LABEL_REVISION: "aaaaaaaaaa",
    }
    ready = {"aaaaaaaaaa": 1, "bbbbbbbbbb": 9}
    assert read_back(REPLICAS, {"aaaaaaaaaa": 100}, ready) == {"aaaaaaaaaa": 100}


def test_replicas_opens_the_service_to_both_and_says_the_weight_really_reached() -> None:
    weights = {"aaaaaaaaaa": 90, "bbbbbbbbbb": 10}
    (service,) = REPLICAS.objects(OWNER, weights)
    assert service["spec"]["selector"] == {
        names.LABEL_MODEL_DEPLOYMENT: "kepler",
        "app.kubernetes.io/name": "transit-server",
    }
    assert read_back(REPLICAS, weights, {"aaaaaaaaaa": 3, "bbbbbbbbbb": 1}) == {
        "aaaaaaaaaa": 75,
        "bbbbbbbbbb": 25,
    }
    assert read_back(REPLICAS, weights, {"aaaaaaaaaa": 3, "bbbbbbbbbb": 0}) == {"aaaaaaaaaa": 100}
    assert read_back(REPLICAS, weights, {}) == {}


def test_only_replicas_has_no_use_for_a_route() -> None:
    assert ReplicasRouter().unwanted() == ["HTTPRoute"]
    assert GATEWAY.unwanted() == []


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 10_000), min_size=1, max_size=12))
def test_percentages_sum_to_a_hundred_and_are_off_by_less_than_one(
    counts: dict[str, int],
) -> None:
    shares = percentages(counts)
    assert sum(shares.values()) == 100
    total = sum(counts.values())
    assert all(abs(shares[name] - 100 * count / total) < 1 for name, count in counts.items())


@pytest.mark.parametrize(
    ("counts", "shares"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"a": 0}, {}, id="only zero"),
        pytest.param({"a": 1, "b": 1, "c": 1}, {"a": 34, "b": 33, "c": 33}, id="thirds"),
        pytest.param({"a": 2, "b": 1}, {"a": 67, "b": 33}, id="two thirds"),
    ],
)
def test_percentages(counts: dict[str, int], shares: dict[str, int]) -> None:
    assert percentages(counts) == shares
