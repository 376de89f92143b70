"""What is written when the API server refuses, or keeps something else than it was given."""

import asyncio
import copy
import json
from dataclasses import replace

import pytest

from tests.unit.runtime.written import (
    CONFIG,
    MDEP,
    OWNER,
    R1,
    R2,
    Api,
    by_name,
    execute,
    models,
    rolling_back,
    routed,
    running,
)
from tests.unit.world import World, spec
from transit_operator.adapters.kubernetes import Conflict, Refused, TooLarge
from transit_operator.api.status import Phase, Transition
from transit_operator.core.objects.build import Object
from transit_operator.core.observed import Wanted
from transit_operator.routers import for_spec
from transit_operator.runtime.observing.cache import Cache
from transit_operator.runtime.observing.observe import Snapshot
from transit_operator.runtime.writing.execute import Executor


def weights(route: Object) -> dict[str, int]:
    refs = route["spec"]["rules"][0]["backendRefs"]
    return {ref["name"]: ref["weight"] for ref in refs}


def test_a_refused_hostname_holds_up_no_rollback() -> None:
    api = Api(refuses={"HTTPRoute/m": Refused("422 hostnames[0]")})
    gateway = {"parentRefs": [{"name": "public"}], "hostnames": ["kepler_new.example.com"]}
    edited = spec(traffic={"router": "gateway", "gateway": gateway})
    live = {**running(R1, "1.0.0"), **running(R2, "2.0.0"), **routed(50, 50)}
    with pytest.raises(Refused, match="hostnames"):
        execute(api, live, rolling_back(), spec=edited, traffic={R1: 50, R2: 50})
    assert weights(api.objects["HTTPRoute", "m"]) == {f"m-{R1}": 100}
    assert api.objects["HTTPRoute", "m"]["spec"]["hostnames"] == [], "only the weights were written"
    assert api.scaled == {f"m-{R2}": 1}, "and then the pods follow"


def test_a_refused_route_holds_up_no_rollback_though_it_has_another_rule() -> None:
    """Testers were led to what is rolled back, by a header that the spec has no more."""
    gateway = {"parentRefs": [{"name": "public"}]}
    header = {"name": "x-transit", "value": "candidate"}
    before = spec(traffic={"router": "gateway", "gateway": gateway, "candidateHeader": header})
    api = Api(refuses={"HTTPRoute/m": Refused("422 rules[0].retry")})
    edited = spec(traffic={"router": "gateway", "gateway": gateway | {"retry": {"attempts": 2}}})
    route = for_spec(before).objects(OWNER, {R1: 50, R2: 50}, R1, R2)
    live = {**running(R1, "1.0.0"), **running(R2, "2.0.0"), **by_name(*route)}
    with pytest.raises(Refused, match="retry"):
        execute(api, live, rolling_back(), spec=edited, traffic={R1: 50, R2: 50}, testers=R2)
    rules = api.objects["HTTPRoute", "m"]["spec"]["rules"]
    assert len(rules) == 2
    backends = [{ref["name"] for ref in rule["backendRefs"]} for rule in rules]
    assert backends == [{f"m-{R1}"}, {f"m-{R1}"}]


def test_what_has_traffic_that_could_not_be_moved_loses_no_pods() -> None:
    class Stuck(Api):
        async def merge(self, seen: Object, change: Object) -> Object:
            raise Refused("403 a webhook")

    api = Stuck(refuses={"HTTPRoute/m": Refused("403 a webhook")})
    live = {**running(R1, "1.0.0", 1), **running(R2, "2.0.0"), **routed(50, 50)}
    with pytest.raises(Refused):
        execute(api, live, replace(rolling_back(), replicas={R1: 3}), traffic={R1: 50, R2: 50})
    assert api.scaled == {f"m-{R1}": 3}
    assert api.deleted == []


@pytest.mark.parametrize("kind", ["HTTPRoute", "Service", "ControllerRevision", "Deployment"])
def test_one_refused_object_stops_no_other(kind: str) -> None:
    name = "m" if kind == "HTTPRoute" else f"m-{R1}"
    api = Api(refuses={f"{kind}/{name}": Refused(f"{kind}: 422")})
    live = {**running(R2, "2.0.0"), **running("0123456789", "0.9.0")}
    decision = replace(rolling_back(), replicas={R1: 3, R2: 2})
    target = Wanted(R1, models("1.0.0"))
    with pytest.raises(Refused, match=kind):
        execute(api, live, decision, wanted=target)
    wanted = {f"HTTPRoute/{'m'}", "Service/m", f"Service/m-{R1}", f"Deployment/m-{R1}"}
    refused = {f"{kind}/{name}"} | (
        {f"Deployment/m-{R1}"} if kind == "ControllerRevision" else set()
    )
    assert wanted - refused <= set(api.written)
    assert api.scaled[f"m-{R2}"] == 2
    assert "Deployment/m-0123456789" in api.deleted
    assert api.events, "what happened is told all the same"


def test_a_conflict_ends_the_look() -> None:
    api = Api(refuses={"HTTPRoute/m": Conflict("409")})
    with pytest.raises(Conflict):
        execute(api, running(R2, "2.0.0"), rolling_back())
    assert api.written == []


def test_several_refusals_are_all_told() -> None:
    names = (f"Service/m-{R1}", f"Service/m-{R2}")
    api = Api(refuses={name: Refused(name) for name in names})
    with pytest.raises(Refused, match=f"{names[0]}; {names[1]}"):
        execute(api, {}, rolling_back(), wanted=Wanted(R1, models("1.0.0")))


def test_a_status_that_is_too_large_is_written_without_what_nothing_depends_on() -> None:
    limit = 4_000
    bodies: list[Object] = []

    class Small(Api):
        async def replace_status(self, mdep: Object, status: Object) -> Object:
            if len(json.dumps(status)) > limit:
                raise TooLarge("etcdserver: request is too large")
            bodies.append(status)
            return mdep

    decision = rolling_back()
    past = Transition(
        time="2026-11-26T10:00:00Z", reason="Promoted", message="x" * 900, phase=Phase.STABLE
    )
    grown = decision.status.model_copy(update={"history": [past] * 20})
    live = {**running(R1, "1.0.0"), **running(R2, "2.0.0")}
    execute(Small(), live, replace(decision, status=grown))
    (body,) = bodies
    assert body["history"] == []
    assert body["stable"]["revision"] == R1


def test_what_a_webhook_rewrites_is_not_applied_at_every_look() -> None:
    class Mirrored(Api):
        generation = 1

        async def apply(self, obj: Object) -> Object:
            made = await super().apply(obj)
            if obj["kind"] == "Deployment":
                made = json.loads(json.dumps(made))
                made["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror/server"
            made["metadata"] |= {"uid": obj["metadata"]["name"], "generation": self.generation}
            return made

    api, cache = Mirrored(), Cache()
    executor = Executor(api, cache, CONFIG)
    decision = replace(rolling_back(), replicas={R1: 3})
    live = running(R1, "1.0.0")
    live["Deployment", f"m-{R1}"] = copy.deepcopy(live["Deployment", f"m-{R1}"])
    live["Deployment", f"m-{R1}"]["spec"]["template"]["spec"]["containers"][0]["image"] = "old"

    def deployments_written() -> int:
        api.written.clear()
        snapshot = Snapshot(World().observed(), OWNER, MDEP, live)
        asyncio.run(executor.execute(snapshot, decision))
        return api.written.count(f"Deployment/m-{R1}")

    assert [deployments_written() for _ in range(3)] == [1, 0, 0]
    live["Deployment", f"m-{R1}"]["metadata"]["generation"] = 2  # somebody changed it
    assert [deployments_written() for _ in range(2)] == [1, 0]
