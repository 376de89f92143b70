"""What others edit by hand in mid-rollout is restored, without a step; what they own is kept."""

import json
import time
from typing import Any

import pytest

from tests.support import Object, eventually

from .scene import NAME, Scene


def live(scene: Scene, kind: str, name: str) -> Object:
    return scene.kube.find("-n", scene.namespace, kind, name) or {}


def held_at_ten(scene: Scene) -> tuple[str, str]:
    """Given a candidate at 10 % for long; the revisions of stable and candidate."""
    scene.holds("300s", "300s", "300s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_judged(second)
    return first, second


def edited(scene: Scene, kind: str, name: str, path: str, value: Any) -> float:
    """Edit one field by hand, and wait until it is as before; the seconds that took."""
    before = live(scene, kind, name)["spec"]
    patch = json.dumps([{"op": "replace", "path": path, "value": value}])
    started = time.monotonic()
    scene.kube("-n", scene.namespace, "patch", kind, name, "--type=json", f"-p={patch}")
    eventually(
        f"{kind} {name} is as before",
        lambda: live(scene, kind, name)["spec"] == before,
        10,
        0.05,
    )
    return time.monotonic() - started


def test_edits_are_restored_within_one_reconcile(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = held_at_ten(scene)
    edits: list[tuple[str, str, str, Any]] = [
        (
            *("httproute", NAME, "/spec/rules/0/backendRefs"),
            [{"name": f"{NAME}-{second}", "port": 80}],
        ),
        ("service", NAME, "/spec/selector", {"transit.dev/revision": second}),
        ("service", f"{NAME}-{first}", "/spec/ports/0/targetPort", 81),
        ("deployment", f"{NAME}-{first}", "/spec/replicas", 0),
    ]
    took = {}
    for kind, name, path, value in edits:
        scene.kube("-n", scene.namespace, "annotate", kind, name, "mesh.example/inject=yes")
        scene.kube("-n", scene.namespace, "label", kind, name, "team=stars")
        took[f"{kind} {name}"] = round(edited(scene, kind, name, path, value), 2)
        kept = live(scene, kind, name)["metadata"]
        assert kept["annotations"]["mesh.example/inject"] == "yes"
        assert kept["labels"]["team"] == "stars"
    with capsys.disabled():
        print(f"\n  restored after so many seconds, kubectl's own time included: {took}")
    assert scene.given_weights(second) == [10]
    assert scene.status["candidate"]["weight"] == 10


def recreated(scene: Scene, kind: str, name: str) -> None:
    """Delete an object by hand, and wait for another one in its place."""
    uid = live(scene, kind, name)["metadata"]["uid"]
    scene.kube("-n", scene.namespace, "delete", kind, name, "--wait=false")
    eventually(
        f"{kind} {name} is there again",
        lambda: live(scene, kind, name).get("metadata", {}).get("uid") not in (None, uid),
        15,
    )


def test_what_is_deleted_by_hand_comes_back(scene: Scene) -> None:
    first, second = held_at_ten(scene)
    for kind, name in (
        ("httproute", NAME),
        ("service", NAME),
        ("service", f"{NAME}-{second}"),
        ("controllerrevision", f"{NAME}-{second}"),
        ("deployment", f"{NAME}-{second}"),
    ):
        recreated(scene, kind, name)
    scene.until_judged(second)
    assert scene.given_weights(second) == [10]
    assert scene.status["stable"]["revision"] == first
