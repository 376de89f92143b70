"""Whether a route is carried: what the Gateways say of it, and who has its host already."""

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.scenes import serving
from tests.unit.world import spec
from transit_operator.api import names
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.core.decide import decide
from transit_operator.core.objects.build import Object, Owner
from transit_operator.core.observed import Route
from transit_operator.core.times import epoch
from transit_operator.routers import for_spec
from transit_operator.routers.acceptance import acceptance
from transit_operator.runtime.observing.cache import Cache
from transit_operator.runtime.observing.observe import Observer, Snapshot
from transit_operator.runtime.operator import Operator
from transit_operator.runtime.writing.events import Events

NOW = epoch("2026-11-26T10:00:10Z")
PARENT = {"name": "public", "namespace": "infra"}


def route(
    name: str = "m", namespace: str = "ml", created: str = "2026-11-26T10:00:00Z", **gateway: Any
) -> Object:
    traffic = {"router": "gateway", "gateway": {"parentRefs": [PARENT], **gateway}}
    obj = for_spec(spec(traffic=traffic)).objects(Owner(namespace, name, name), {"r": 100})[0]
    obj["metadata"] |= {
        "generation": 3,
        "resourceVersion": "1",
        "uid": f"{namespace}/{name}",
        "creationTimestamp": created,
    }
    return obj


def said(
    accepted: str = "True", refs: str = "True", generation: int | None = 3, **parent: Any
) -> dict[str, Any]:
    seen = {} if generation is None else {"observedGeneration": generation}
    bad = {"reason": "NotAllowedByListeners", "message": "no listener takes it"}
    return {
        "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", **PARENT, **parent},
        "controllerName": "example.com/c",
        "conditions": [
            {"type": "Accepted", "status": accepted, **seen, **(bad if accepted != "True" else {})},
            {"type": "ResolvedRefs", "status": refs, **seen, "reason": "BackendNotFound"},
        ],
    }


@pytest.mark.parametrize(
    ("parents", "accepted"),
    [
        pytest.param(None, None, id="no controller has said anything"),
        pytest.param([], None, id="no parent"),
        pytest.param([said()], True, id="accepted"),
        pytest.param([said(generation=None)], True, id="a controller that tells no generation"),
        pytest.param([said(generation=2)], None, id="accepted, of an earlier generation"),
        pytest.param([said("False")], False, id="refused"),
        pytest.param([said("False", generation=2)], False, id="refused and not taken back"),
        pytest.param([said("Unknown")], None, id="unknown"),
        pytest.param([said(refs="False")], False, id="a backend that isn't found"),
        pytest.param([said("False", name="old")], None, id="of a parent that isn't asked for"),
        pytest.param([said("False"), said()], True, id="one controller of two"),
    ],
)
def test_what_the_gateways_say(parents: Any, accepted: bool | None) -> None:
    obj = route()
    if parents is not None:
        obj["status"] = {"parents": parents}
    found = acceptance(obj, NOW)
    assert found.accepted is accepted
    assert bool(found.message) == (accepted is not None or found.reason == "NotObserved")


def test_a_gateway_that_stopped_looking_is_told_with_the_generations() -> None:
    obj = route()
    obj["status"] = {"parents": [said("False", name="other"), said(generation=2)]}
    obj["spec"]["parentRefs"].append({**PARENT, "name": "other"})
    found = acceptance(obj, NOW)
    assert (found.accepted, found.reason) == (None, "NotObserved")
    assert "generation 2, and this is 3" in found.message


def test_one_gateway_of_two_is_enough_but_the_other_is_told() -> None:
    obj = route(parentRefs=[PARENT, {"name": "inner", "namespace": "infra"}])
    obj["status"] = {"parents": [said(), said("False", name="inner")]}
    found = acceptance(obj, NOW)
    assert found.accepted
    assert "but Gateway inner: Accepted=False: no listener takes it" in found.message


LATER = "2026-11-26T11:00:00Z"
HTTPS, HTTP = [{**PARENT, "sectionName": "https"}], [{**PARENT, "sectionName": "http"}]


@pytest.mark.parametrize(
    ("older", "younger", "conflict"),
    [
        pytest.param({}, {}, True, id="both on every host"),
        pytest.param({"hostnames": ["a.b"]}, {"hostnames": ["A.b"]}, True, id="one host"),
        pytest.param({"hostnames": ["a.b", "c.d"]}, {"hostnames": ["e.f", "c.d"]}, True,
                     id="one of several hosts"),
        pytest.param({"hostnames": ["a.b"]}, {"hostnames": ["c.d"]}, False, id="other hosts"),
        pytest.param({}, {"hostnames": ["c.d"]}, False, id="a host goes before every host"),
        pytest.param({"hostnames": ["*.b.c"]}, {"hostnames": ["a.b.c"]}, False, id="a wildcard"),
        pytest.param({"parentRefs": HTTPS}, {"parentRefs": HTTP}, False, id="other listeners"),
        pytest.param({"parentRefs": HTTPS}, {}, True, id="a listener and all of them"),
        pytest.param({"parentRefs": [{"name": "public"}]}, {}, False,
                     id="a Gateway of the same name elsewhere"),
    ],
)  # fmt: skip
def test_the_younger_of_two_on_one_host_gets_nothing(
    older: Any, younger: Any, conflict: bool
) -> None:
    cache = Cache()
    first, second = route("z", "other", **older), route("a", created=LATER, **younger)
    second["status"] = {"parents": [said()]}
    for obj in (second, first):
        cache.put(obj)
    assert acceptance(first, NOW, cache.claims.of(first)).reason != "HostConflict"
    found = acceptance(second, NOW, cache.claims.of(second))
    assert (found.reason == "HostConflict") == conflict
    if conflict:
        assert found.accepted is False
        assert "older HTTPRoute other/z" in found.message
    cache.drop("HTTPRoute", "other", "z")
    assert acceptance(second, NOW, cache.claims.of(second)).reason != "HostConflict"


def test_two_of_one_second_are_told_apart_by_name() -> None:
    cache = Cache()
    first, second = route("a"), route("b")
    for obj in (second, first):
        cache.put(obj)
    assert acceptance(first, NOW, cache.claims.of(first)).accepted is None
    assert acceptance(second, NOW, cache.claims.of(second)).accepted is False


def test_a_route_that_changed_its_host_claims_the_old_one_no_more() -> None:
    cache = Cache()
    cache.put(route("z", "other"))
    moved = route("z", "other", hostnames=["elsewhere.b"])
    moved["metadata"]["resourceVersion"] = "2"
    cache.put(moved)
    second = route(created=LATER)
    cache.put(second)
    assert acceptance(second, NOW, cache.claims.of(second)).accepted is None


def test_the_observer_sees_the_route_of_its_model_deployment() -> None:
    cache = Cache()
    mdep = {
        "kind": "ModelDeployment",
        "metadata": {
            "name": "m",
            "namespace": "ml",
            "uid": "m",
            "generation": 1,
            "creationTimestamp": LATER,
        },
        "spec": spec().model_dump(by_alias=True, mode="json", exclude_none=True),
    }
    cache.put(mdep)
    observer = Observer(cache, None, lambda: 0.0)  # type: ignore[arg-type]
    before = observer.look(("ml", "m"), None)
    assert before is not None
    assert before.observed.route is None
    cache.put(route() | {"status": {"parents": [said("False")]}})
    after = observer.look(("ml", "m"), None)
    assert after is not None
    assert after.observed.route is not None
    assert after.observed.route.accepted is False


def test_a_route_that_nobody_carries_is_told_once_as_a_warning() -> None:
    route = Route(False, "HostConflict", "every host is taken")
    observed = replace(serving().observed(), route=route)
    decision = decide(observed)
    owner = Owner("ml", "kepler", "u")
    events = Events().of(Snapshot(observed, owner, {}, {}), decision)
    (event,) = [e for e in events if e["reason"] == "HostConflict"]
    assert event["type"] == "Warning"
    assert event["involvedObject"]["kind"] == names.KIND


def test_silence_is_an_answer_after_a_while() -> None:
    obj = route()
    young = acceptance(obj, NOW)
    assert (young.accepted, young.look_again) == (None, NOW + 20)
    old = acceptance(obj, NOW + 20)
    assert (old.accepted, old.reason, old.look_again) == (False, "NoGateway", None)
    assert "infra/public" in old.message
    assert acceptance(obj | {"status": {"parents": [said()]}}, NOW + 20).accepted


def stirred_by(*before: Object) -> tuple[Cache, list[tuple[str, str]]]:
    """Return a cache with some routes, and whom changes concern from now on."""
    stirred: list[tuple[str, str]] = []
    cache = Cache(stirred.append)
    for obj in before:
        cache.put(obj)
    stirred.clear()
    return cache, stirred


def newer(obj: Object, **gateway: Any) -> Object:
    """Return a route after a change of what it claims."""
    meta = obj["metadata"]
    changed = route(meta["name"], meta["namespace"], meta["creationTimestamp"], **gateway)
    changed["metadata"]["resourceVersion"] = str(int(meta["resourceVersion"]) + 1)
    return changed


def test_who_gets_a_host_back_is_looked_at_at_once() -> None:
    older, younger = route("z", "other"), route(created=LATER)
    cache, stirred = stirred_by(older, younger)
    cache.drop("HTTPRoute", "other", "z")
    assert stirred == [("ml", "m")]


@pytest.mark.parametrize(
    ("to", "concerned"),
    [
        pytest.param({"hostnames": ["elsewhere.b"]}, [("ml", "m")], id="it gives the host up"),
        pytest.param({"parentRefs": HTTPS}, [("ml", "m")], id="it goes to one listener"),
        pytest.param({}, [], id="nothing that it claims"),
    ],
)
def test_a_change_of_the_older_route_concerns_the_younger(to: Any, concerned: Any) -> None:
    older, younger = route("z", "other"), route(created=LATER)
    cache, stirred = stirred_by(older, younger)
    cache.put(newer(older, **to))
    assert stirred == concerned


def test_who_loses_a_host_is_looked_at_at_once() -> None:
    older = route("z", "other", hostnames=["a.b"])
    younger = route(created=LATER, hostnames=["c.d"])
    cache, stirred = stirred_by(older, younger)
    cache.put(newer(older, hostnames=["c.d"]))
    assert stirred == [("ml", "m")]


def test_a_younger_route_concerns_nobody_else() -> None:
    older, younger = route("z", "other"), route(created=LATER)
    cache, stirred = stirred_by(older)
    cache.put(younger)
    cache.put(newer(younger, hostnames=["a.b"]))
    cache.drop("HTTPRoute", "ml", "m")
    assert stirred == []


def test_while_all_is_listed_nobody_is_named_for_it() -> None:
    """Everything is looked at after a list, and thousands may claim the same."""
    cache, stirred = stirred_by(route(created=LATER))
    with cache.listing():
        cache.put(route("z", "other"))
    assert stirred == []


def test_the_operator_looks_at_whom_it_concerns() -> None:
    operator = Operator(OperatorConfig())
    operator.cache.put(route("z", "other"))
    operator.cache.put(route(created=LATER))
    assert len(operator.queue) == 0
    operator.cache.drop("HTTPRoute", "other", "z")
    assert len(operator.queue) == 1
