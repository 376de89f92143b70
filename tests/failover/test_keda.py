"""Scaling by KEDA: what is made, and what is said of it.

KEDA is its CRD only; what it would write into a ScaledObject's status is written by hand.
"""

import json
from collections.abc import Iterator

import pytest

from dev.client.kube import Kube
from dev.cluster.programs import gosources
from tests.scenarios.scaling import TOLD_SECONDS, bounds, deployment, said
from tests.scenarios.scene import Scene, steady
from tests.support import Object, eventually

from .release import Release

SCALED = {"min": 1, "max": 4, "targetConcurrency": 4}
CRD = "crd/scaledobjects.keda.sh"


@pytest.fixture
def keda(alone: Kube) -> Iterator[None]:
    """KEDA's CRD, while the test lasts."""
    assert alone.find(CRD) is None, "this cluster has KEDA: use the local cluster"
    file = gosources.keda_crds() / "keda.sh_scaledobjects.yaml"
    try:
        alone("apply", "--server-side", "-f", file)
        yield
    finally:
        alone("delete", "--ignore-not-found", "-f", file)


@pytest.fixture
def scene(keda: None, alone: Kube) -> Iterator[Scene]:
    """A ModelDeployment of an operator that may use KEDA."""
    with (
        Release(alone, "keda", "config.keda.enabled=true") as release,
        steady(alone, release.models[0]) as opened,
    ):
        yield opened


def scaled_object(scene: Scene, revision: str) -> Object | None:
    """KEDA's object of a revision."""
    return scene.kube.find("-n", scene.namespace, "scaledobject", f"m-{revision}")


def test_keda_takes_over_and_gives_back(scene: Scene) -> None:
    """Given an autoscaler, when KEDA is asked for and again not, then there is one of them."""
    del scene.spec["replicas"]
    scene.spec["autoscaling"] = SCALED
    first = scene.serving()
    eventually("an autoscaler", lambda: bounds(scene, first) == (1, 4), 15)
    before = deployment(scene, first)["metadata"]["generation"]

    scene.spec["autoscaling"] = {**SCALED, "class": "KEDA", "max": 3}
    scene.apply()
    eventually("a ScaledObject", lambda: scaled_object(scene, first), 15)
    made = scaled_object(scene, first) or {}
    assert (made["spec"]["minReplicaCount"], made["spec"]["maxReplicaCount"]) == (1, 3)
    assert bounds(scene, first) is None, "two would fight"
    ready = {"type": "Ready", "status": "False", "reason": "TriggerError", "message": "no answer"}
    scene.kube(
        *("-n", scene.namespace, "patch", "scaledobject", f"m-{first}", "--subresource=status"),
        *("--type=merge", "-p", json.dumps({"status": {"conditions": [ready]}})),
    )
    eventually("it is told", lambda: said(scene)[0] == "False", TOLD_SECONDS, 1.0)
    assert said(scene)[1].endswith("does not scale: TriggerError: no answer")

    scene.spec["autoscaling"] = SCALED
    scene.apply()
    eventually("an autoscaler again", lambda: bounds(scene, first) == (1, 4), 15)
    assert scaled_object(scene, first) is None
    after = deployment(scene, first)
    assert after["spec"]["replicas"] == 1
    assert after["metadata"]["generation"] == before, "its spec was changed in between"
