"""Helpers of the tests on a real cluster: the operator, waiting for a state, resources to apply."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dev.demo.kube import Kube

Object = dict[str, Any]
CHART = Path(__file__).resolve().parents[1] / "charts" / "transit"
SYSTEM = "transit-system"
OPERATOR = "deployment/transit-operator"


def install_operator(kube: Kube, *values: str) -> None:
    """Install the chart as a user would, with the image built here, and wait until it is ready.

    `values` are Helm's, as `config.workers=4`; those of an earlier call are forgotten.
    """
    kube("apply", "--server-side", "--force-conflicts", "-f", CHART / "crds")
    kube.helm(
        *("upgrade", "--install", "transit", CHART, f"--namespace={SYSTEM}", "--create-namespace"),
        *(f"--set={value}" for value in values),
        *("--reset-values", "--wait", "--timeout=120s"),
    )
    # The tag is the same for every build: the pods must be of the image that is loaded now.
    kube("-n", SYSTEM, "rollout", "restart", OPERATOR)
    kube("-n", SYSTEM, "rollout", "status", OPERATOR, "--timeout=120s")


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
