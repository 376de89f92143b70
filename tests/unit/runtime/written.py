"""What a look writes: an API server that notes it, and refuses what a test says.

Neighbours: the tests of `runtime.writing` in this folder execute decisions by it.
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from tests.unit.world import World, revision, spec
from transit_operator.adapters.kubernetes import AlreadyExists, Kubernetes, NotFound
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.api.spec import ModelDeploymentSpec
from transit_operator.api.status import PinnedModel
from transit_operator.core.decide import decide
from transit_operator.core.decision import Decision
from transit_operator.core.objects import build
from transit_operator.core.objects.build import Object, Owner
from transit_operator.core.objects.feedback import secret_name
from transit_operator.core.objects.template import pod_template
from transit_operator.core.observed import Observed, Wanted
from transit_operator.routers import for_spec
from transit_operator.runtime.observing.cache import Cache
from transit_operator.runtime.observing.observe import Snapshot
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
