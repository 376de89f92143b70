"""What is written when the API server refuses, or when objects are somebody else's."""

import asyncio
import base64
import copy
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.unit.world import World, revision, spec
from transit_operator.adapters.kubernetes import (
    AlreadyExists,
    Conflict,
    Kubernetes,
    NotFound,
    Refused,
    TooLarge,
)
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.api.spec import ModelDeploymentSpec
from transit_operator.api.status import Phase, PinnedModel, Transition
from transit_operator.core.decide import decide
from transit_operator.core.decision import Decision
from transit_operator.core.objects import build
from transit_operator.core.objects.build import Object, Owner, labels
from transit_operator.core.objects.feedback import secret_name
from transit_operator.core.objects.identity import revision_labels
from transit_operator.core.objects.template import pod_template
from transit_operator.core.observed import Observed, Wanted
from transit_operator.routers import for_spec
from transit_operator.runtime.loop.handlers import OWNED
from transit_operator.runtime.observing.cache import Cache
from transit_operator.runtime.observing.observe import Snapshot
from transit_operator.runtime.observing.ownership import ours
from transit_operator.runtime.operator import WATCHED
from transit_operator.runtime.writing.execute import Executor

OWNER = Owner("ml", "m", "u1")
MDEP = {"kind": "ModelDeployment", "metadata": {"namespace": "ml", "name": "m", "uid": "u1"}}
R1, R2 = revision("1.0.0"), revision("2.0.0")
SPEC = spec()
CONFIG = OperatorConfig()
Live = dict[tuple[str, str], Object]


@dataclass
class Api(Kubernetes):
    """An API server that refuses what a test says, and notes what was written and deleted."""

    refuses: dict[str, Exception] = field(default_factory=dict)  # "Kind/name" of a full write
    there: Live = field(default_factory=dict)  # what somebody else made
    written: list[str] = field(default_factory=list)
    objects: Live = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    scaled: dict[str, int] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    async def get(self, kind: str, namespace: str, name: str) -> Object:
        if (kind, name) not in self.there:
            raise NotFound(name)
        return self.there[kind, name]

    async def apply(self, obj: Object) -> Object:
        what = f"{obj['kind']}/{obj['metadata']['name']}"
        if what in self.refuses:
            raise self.refuses[what]
        return self._write(obj)

    async def rehearse(self, obj: Object) -> None:
        raise AssertionError("there is nothing to try")

    async def create(self, obj: Object) -> Object:
        what = f"{obj['kind']}/{obj['metadata']['name']}"
        if what in self.refuses:
            raise self.refuses[what]
        if (obj["kind"], obj["metadata"]["name"]) in self.there:
            raise AlreadyExists(what)
        return self._write(obj)

    async def merge(self, seen: Object, change: Object) -> Object:
        return self._write({**seen, "spec": {**seen["spec"], **change["spec"]}})

    async def scale(self, deployment: Object, replicas: int) -> str:
        self.scaled[deployment["metadata"]["name"]] = replicas
        return "2"

    async def delete(self, kind: str, seen: Object) -> None:
        self.deleted.append(f"{kind}/{seen['metadata']['name']}")

    async def replace_status(self, mdep: Object, status: Object) -> Object:
        return mdep

    async def create_event(self, namespace: str, event: Object) -> None:
        self.events.append(event["reason"])

    def _write(self, obj: Object) -> Object:
        what = obj["kind"], obj["metadata"]["name"]
        self.written.append("/".join(what))
        self.objects[what] = {**obj, "metadata": {**obj["metadata"], "resourceVersion": "1"}}
        return self.objects[what]


def kept(obj: Object) -> Object:
    """Return an object as the API server has it."""
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": "1", "uid": "x"}}


def by_name(*objects: Object) -> Live:
    return {(obj["kind"], obj["metadata"]["name"]): kept(obj) for obj in objects}


def running(name: str, version: str, replicas: int = 3, owner: Owner = OWNER) -> Live:
    """Return the record, Service and Deployment of a revision."""
    target = Wanted(name, models(version))
    template = pod_template("ml", "m", target, SPEC, CONFIG, secret_name("m", "u1"))
    data = {
        "models": [model.model_dump(exclude_none=True) for model in target.models],
        "template": template,
    }
    deployment = build.deployment(owner, name, template)
    deployment["spec"]["replicas"] = replicas
    return by_name(
        build.controller_revision(owner, name, data),
        build.revision_service(owner, name),
        build.disruption_budget(owner, name),
        deployment,
    )


def models(version: str) -> tuple[PinnedModel, ...]:
    return (PinnedModel(name="forest", version=version),)


def rolling_back(**changes: Any) -> Decision:
    """Return a decision to give everything to 1.0.0."""
    first = decide(World().observed())
    return replace(first, weights={R1: 100}, replicas={R1: 3, R2: 1}, keep=frozenset(), **changes)


def routed(stable: int, candidate: int, to: ModelDeploymentSpec = SPEC) -> Live:
    return by_name(*for_spec(to).objects(OWNER, {R1: stable, R2: candidate}, R1))


def execute(api: Api, live: Live, decision: Decision, **observed: Any) -> None:
    seen: Observed = replace(World().observed(), **observed)
    snapshot = Snapshot(seen, OWNER, MDEP, dict(live))
    asyncio.run(Executor(api, Cache(), CONFIG).execute(snapshot, decision))


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


SECRET = secret_name("m", "u1")


def starting(api: Api) -> None:
    """The look that makes the first revision's objects."""
    execute(api, {}, replace(decide(World().observed()), weights={R1: 100}, replicas={R1: 3}))


def key_of(api: Api) -> str:
    key: str = api.objects["Secret", SECRET]["data"]["key"]
    return key


def test_the_key_for_feedback_is_made_before_the_first_pod() -> None:
    api, another = Api(), Api()
    starting(api)
    starting(another)
    assert api.written.index(f"Secret/{SECRET}") < api.written.index(f"Deployment/m-{R1}")
    assert api.objects["Secret", SECRET]["metadata"]["ownerReferences"][0]["uid"] == "u1"
    assert len(base64.b64decode(key_of(api))) == 32
    assert key_of(api) != key_of(another)
    told = json.dumps([obj for (kind, _), obj in api.objects.items() if kind != "Secret"])
    assert key_of(api) not in told
    assert SECRET in told, "the pods mount it"


def test_a_key_that_is_there_stays() -> None:
    api = Api(there={("Secret", SECRET): {"data": {"key": "of earlier pods"}}})
    starting(api)
    assert f"Secret/{SECRET}" not in api.written
    assert f"Deployment/m-{R1}" in api.written


def test_the_key_is_made_for_new_pods_and_not_at_every_look() -> None:
    api = Api()
    live = {**running(R1, "1.0.0"), **running(R2, "2.0.0"), **routed(50, 50)}
    execute(api, live, rolling_back(), traffic={R1: 50, R2: 50})
    assert f"Secret/{SECRET}" not in api.written


def test_where_no_key_can_be_made_no_pod_is_and_it_is_told() -> None:
    api = Api(refuses={f"Secret/{SECRET}": Refused("secrets is forbidden")})
    with pytest.raises(Refused, match="secrets is forbidden"):
        starting(api)
    assert f"Deployment/m-{R1}" not in api.written, "or the key would never be asked for again"
    assert f"Service/m-{R1}" in api.written


def test_the_key_of_a_deleted_resource_is_not_taken_for_that_of_the_next() -> None:
    assert secret_name("m", "u1") != secret_name("m", "u2")


def test_secrets_are_neither_listed_nor_watched() -> None:
    assert "Secret" not in WATCHED
    assert "Secret" not in {kind for _, _, kind in OWNED}


def test_a_lost_record_is_written_again_from_what_runs() -> None:
    api = Api()
    live = running(R1, "1.0.0")
    record = live.pop(("ControllerRevision", f"m-{R1}"))
    live["Deployment", f"m-{R1}"]["spec"]["template"]["spec"]["containers"][0]["image"] = "old:1"
    decision = replace(rolling_back(), replicas={R1: 3, R2: 1})
    execute(api, live, decision, wanted=Wanted(R2, models("2.0.0")))
    written = api.objects["ControllerRevision", f"m-{R1}"]
    assert written["data"]["models"] == json.loads(json.dumps(record["data"]["models"]))
    assert written["data"]["template"]["spec"]["containers"][0]["image"] == "old:1"
    assert f"Deployment/m-{R1}" not in api.written, "nothing that runs was changed"
    assert f"Deployment/m-{R2}" in api.written, "and the new revision was made"


def test_a_record_and_a_deployment_that_are_both_gone_stop_no_other_revision() -> None:
    api = Api()
    with pytest.raises(Refused, match=f"revision {R1} can't be built again"):
        execute(api, {}, rolling_back(), wanted=Wanted(R2, models("2.0.0")))
    assert f"Deployment/m-{R2}" in api.written


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


def of_an_earlier_operator(live: Live) -> Live:
    """The same, as operators made it whose servers had one port."""
    for kept_object in live.values():
        data = kept_object.get("data") or kept_object["spec"]
        if "template" in data:
            template = data["template"]
            (container,) = template["spec"]["containers"]
            container["ports"] = container["ports"][:1]
            for probe in ("readinessProbe", "livenessProbe"):
                container[probe]["httpGet"]["port"] = "http"
            template["metadata"]["annotations"]["prometheus.io/port"] = "8000"
    return live


def test_a_new_operator_restarts_no_pod_for_a_new_port() -> None:
    api = Api()
    live = of_an_earlier_operator({**running(R1, "1.0.0"), **running(R2, "2.0.0")})
    execute(api, live, rolling_back())
    assert f"Deployment/m-{R1}" not in api.written


def test_a_lost_deployment_comes_back_with_the_probes_it_had() -> None:
    api = Api()
    live = of_an_earlier_operator({**running(R1, "1.0.0"), **running(R2, "2.0.0")})
    del live["Deployment", f"m-{R1}"]
    execute(api, live, rolling_back())
    template = api.objects["Deployment", f"m-{R1}"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert [port["name"] for port in container["ports"]] == ["http"]
    assert container["livenessProbe"]["httpGet"]["port"] == "http"
    assert template["metadata"]["annotations"]["prometheus.io/port"] == "8000"
