"""Helpers of the tests on a real cluster: waiting, resources to apply, versions looked up."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from dev.cluster import versions
from dev.demo.provision import install
from tests.puppet.storage import resolved

Object = dict[str, Any]
SYSTEM = install.NAMESPACE
# Fields of a spec whose versions are found, and whose pods come up and never become ready.
NEVER_READY: Object = {
    "storage": {"uri": "s3://none"},
    "server": {
        "image": versions.PUPPET_IMAGE,
        "env": [{"name": "PUPPET", "value": json.dumps({"ready": False})}],
    },
}
OPERATOR = f"deployment/{install.DEPLOYMENT}"


def eventually(
    what: str, look: Callable[[], Any], seconds: float = 30.0, pause: float = 0.2
) -> Any:
    """Look until the answer is true-ish and return it; fail at the deadline with the last."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen in {seconds:g} s; last seen: {found!r}")
        time.sleep(pause)  # between two looks, not instead of one


def looked_up(pod: Object) -> Object:
    """The status of a resolver pod that has found its versions, where no kubelet runs it."""
    container = pod["spec"]["containers"][0]
    references = container["args"][container["args"].index("--output") + 3 :]
    said = json.dumps([resolved(reference) for reference in references])
    state = {"terminated": {"exitCode": 0, "reason": "Completed", "message": said}}
    ended = {"name": container["name"], "image": container["image"], "imageID": "", "state": state}
    return {"containerStatuses": [{**ended, "ready": False, "restartCount": 0}]}


def model_deployment(name: str, namespace: str, **spec: Any) -> str:
    """Return a ModelDeployment as JSON; `spec` replaces fields of a small one."""
    return json.dumps(
        {
            "apiVersion": "transit.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "models": [{"name": "random_forest", "version": "1.0.0"}],
                "storage": {"uri": "s3://models", "secretName": "minio"},
                **spec,
            },
        }
    )
