"""A write that comes too late, of an operator that led before, undoes nothing that came after."""

from typing import Any

import pytest
from kubernetes.aio.client import ApiClient

from tests.support import Object
from transit_operator.adapters.kubernetes import Conflict, Kubernetes

LABELS = {"app": "d"}
DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d"},
    "spec": {
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {"containers": [{"name": "c", "image": "transit.invalid/none:1"}]},
        },
    },
}


def as_seen(obj: Object, **spec: Any) -> Object:
    """What is applied over `obj` by who has seen it."""
    meta = {key: obj["metadata"][key] for key in ("name", "namespace", "resourceVersion")}
    wanted: Object = {**DEPLOYMENT, "metadata": meta}
    return {**wanted, "spec": {**DEPLOYMENT["spec"], **spec}}


async def test_what_was_changed_since_it_was_read_is_not_written(
    client: ApiClient, namespace: str
) -> None:
    api = Kubernetes(client)
    made = {**DEPLOYMENT, "metadata": {"name": "d", "namespace": namespace}}
    before = await api.apply({**made, "spec": {**DEPLOYMENT["spec"], "replicas": 0}})
    await _scaled(api, namespace, 2)

    with pytest.raises(Conflict):
        await api.scale(before, 5)
    with pytest.raises(Conflict):
        await api.apply(as_seen(before, minReadySeconds=7))
    with pytest.raises(Conflict):
        await api.delete("Deployment", before)

    found = await api.get("Deployment", namespace, "d")
    assert found["spec"]["replicas"] == 2
    assert "minReadySeconds" not in found["spec"]
    assert "deletionTimestamp" not in found["metadata"]


async def test_an_object_made_anew_under_the_name_is_not_deleted(
    client: ApiClient, namespace: str
) -> None:
    api = Kubernetes(client)
    made = {**DEPLOYMENT, "metadata": {"name": "d", "namespace": namespace}}
    first = await api.apply(made)
    await _deleted(api, namespace)
    second = await api.apply(made)
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    with pytest.raises(Conflict):
        await api.delete("Deployment", first)
    found = await api.get("Deployment", namespace, "d")
    assert found["metadata"]["uid"] == second["metadata"]["uid"]


async def _scaled(api: Kubernetes, namespace: str, replicas: int) -> None:
    """Scale it as the one who leads now does: again, if its controller wrote meanwhile."""
    while True:
        try:
            await api.scale(await api.get("Deployment", namespace, "d"), replicas)
            return
        except Conflict:
            continue


async def _deleted(api: Kubernetes, namespace: str) -> None:
    while True:
        try:
            await api.delete("Deployment", await api.get("Deployment", namespace, "d"))
            return
        except Conflict:
            continue
