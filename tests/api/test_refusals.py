"""What the API server says of a wrong object is understood as such, though some of it is a 500."""

from typing import Any

import pytest
from kubernetes.aio.client import ApiClient

from tests.support import Object
from transit_operator.adapters.kubernetes import Invalid, Kubernetes, NotFound

WRONG: dict[str, dict[str, Any]] = {
    "a field that containers don't have": {"comand": ["x"]},
    "a text in place of a list": {"command": "x"},
    "a number in place of a text": {"env": [{"name": "A", "value": 1}]},
    "a variable twice": {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
    "an amount that is none": {"resources": {"limits": {"cpu": "lots"}}},
    "a volume that isn't there": {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
}


def job(namespace: str, **container: Any) -> Object:
    whole = {"name": "c", "image": "transit.invalid/none:1", **container}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "namespace": namespace},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [whole]}}},
    }


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_object_is_invalid_whatever_the_code(
    client: ApiClient, namespace: str, what: str
) -> None:
    api = Kubernetes(client)
    for write in (api.apply, api.rehearse):
        with pytest.raises(Invalid):
            await write(job(namespace, **WRONG[what]))


async def test_a_rehearsal_leaves_nothing(client: ApiClient, namespace: str) -> None:
    api = Kubernetes(client)
    await api.rehearse(job(namespace))
    with pytest.raises(NotFound):
        await api.get("Job", namespace, "j")
