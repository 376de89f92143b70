"""What the executor tries when the API server refuses: one refused object stops no other."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.world import World, revision
from transit_operator.adapters.kubernetes import Kubernetes, NotFound, Refused
from transit_operator.api.config import OperatorConfig
from transit_operator.core.decide import decide
from transit_operator.core.objects.build import Object, Owner, labels, selector, service
from transit_operator.core.objects.template import revision_labels
from transit_operator.runtime.cache import Cache
from transit_operator.runtime.execute import Executor
from transit_operator.runtime.observe import Snapshot

OWNER = Owner("ml", "m", "u1")
MDEP = {"kind": "ModelDeployment", "metadata": {"namespace": "ml", "name": "m", "uid": "u1"}}
R1 = revision("1.0.0")


class Refusing(Kubernetes):
    """An API server that refuses some kinds, and notes what was written."""

    def __init__(self, *kinds: str) -> None:
        self._kinds = kinds
        self.written: list[str] = []
        self.deleted: list[str] = []

    async def get(self, kind: str, namespace: str, name: str) -> Object:
        raise NotFound(name)

    async def apply(self, obj: Object) -> Object:
        if obj["kind"] in self._kinds:
            raise Refused(f"{obj['kind']}: 422")
        self.written.append(f"{obj['kind']}/{obj['metadata']['name']}")
        meta = {**obj["metadata"], "resourceVersion": "1", "uid": "x"}
        return {**obj, "metadata": meta}

    async def scale(self, deployment: Object, replicas: int) -> str:
        return "2"

    async def delete(self, kind: str, seen: Object) -> None:
        self.deleted.append(f"{kind}/{seen['metadata']['name']}")

    async def replace_status(self, mdep: Object, status: Object) -> Object:
        return mdep

    async def create_event(self, namespace: str, event: Object) -> None:
        return


def execute(api: Refusing, live: dict[tuple[str, str], Any]) -> None:
    observed = World().observed()
    decision = decide(observed)
    if not decision.weights:
        decision = replace(decision, weights={R1: 100})
    snapshot = Snapshot(observed, OWNER, MDEP, dict(live))
    asyncio.run(Executor(api, Cache(), OperatorConfig()).execute(snapshot, decision))


@pytest.mark.parametrize("kind", ["HTTPRoute", "ControllerRevision"])
def test_a_refused_object_stops_no_other(kind: str) -> None:
    api = Refusing(kind)
    gone = service(OWNER, "m-old", revision_labels("m", "old"), selector("m", "old"))
    gone["metadata"] |= {"resourceVersion": "1", "uid": "y"}
    with pytest.raises(Refused, match=kind):
        execute(api, {("Service", "m-old"): gone})
    assert api.deleted == ["Service/m-old"], "what comes after the refused one was not tried"
    if kind == "HTTPRoute":
        assert f"Deployment/m-{R1}" in api.written


def test_an_object_of_somebody_else_is_neither_written_nor_deleted() -> None:
    api = Refusing()
    stranger = service(OWNER, "m", labels(OWNER), {"app": "theirs"})
    debug = service(OWNER, "debug", revision_labels("m", "old"), {"app": "theirs"})
    for obj in (stranger, debug):
        obj["metadata"] |= {"resourceVersion": "1", "uid": "y", "ownerReferences": [{"uid": "z"}]}
    with pytest.raises(Refused, match="Service m exists and is not Transit's"):
        execute(api, {("Service", "m"): stranger, ("Service", "debug"): debug})
    assert "Service/m" not in api.written
    assert api.deleted == []
