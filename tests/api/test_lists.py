"""Lists of the operator's client are what single reads are: nothing is written for a difference."""

import pytest
from kubernetes.aio.client import ApiClient

from transit_operator.adapters import kubernetes
from transit_operator.adapters.kubernetes import Kubernetes


async def test_an_object_of_a_list_is_the_object(
    client: ApiClient, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes leaves apiVersion and kind out of items; what is compared with has them."""
    api = Kubernetes(client)
    monkeypatch.setattr(kubernetes, "PAGE", 2)
    for name in ("a", "b", "c", "d", "e"):
        meta = {"name": name, "namespace": namespace, "labels": {"test": "lists"}}
        spec = {"ports": [{"port": 80}], "selector": {"app": name}}
        await api.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    pages = [page async for page in api.pages("Service", namespace, "test=lists")]
    assert [len(objects) for objects, _ in pages] == [2, 2, 1]
    assert len({version for _, version in pages}) == 1
    found = [obj for objects, _ in pages for obj in objects]
    assert found == [await api.get("Service", namespace, o["metadata"]["name"]) for o in found]
