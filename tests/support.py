"""Helpers of the tests on a real cluster: waiting for a state, resources to apply."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from dev.demo import install

Object = dict[str, Any]
SYSTEM = install.NAMESPACE
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
