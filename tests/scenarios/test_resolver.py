"""A version that can't be looked up: every cause is told within half a minute, and none is final.

The pod that looks versions up meets what any pod may meet. `tests/unit/objects/test_resolver.py`
has all the causes by table; here the kubelet, the scheduler and the API server say each in their
own words.
"""

import json
from collections.abc import Callable

import pytest

from tests.support import Object, eventually

from .scene import NAME, Scene
from .test_unfriendly import room

TOLD_SECONDS = 30.0


def secret_is_missing(scene: Scene) -> None:
    scene.spec["storage"] = {"uri": "s3://none", "secretName": "missing"}


def image_is_missing(scene: Scene) -> None:
    scene.spec["server"]["image"] = "localhost:1/no-such-image:1.0.0"


def claim_is_missing(scene: Scene) -> None:
    scene.spec["storage"] = {"uri": "pvc://missing"}


def no_room_by_quota(scene: Scene) -> None:
    room(scene, 0)


CAUSES: dict[str, tuple[Callable[[Scene], None], str]] = {
    "Secret": (secret_is_missing, 'secret "missing" not found'),
    "image": (image_is_missing, "localhost:1/no-such-image:1.0.0"),
    "scheduling": (claim_is_missing, 'persistentvolumeclaim "missing" not found'),
    "quota": (no_room_by_quota, "exceeded quota"),
}


def by_alias(scene: Scene) -> None:
    """The next `apply` asks for an alias."""
    scene.spec["models"][0]["version"] = "latest"


def resolvers(scene: Scene) -> list[Object]:
    """The pods that look versions up, also those that are being deleted."""
    found = scene.kube.find("-n", scene.namespace, "pods", "-l", "transit.dev/resolves")
    return list((found or {"items": []})["items"])


@pytest.mark.parametrize("kind", CAUSES)
def test_why_an_alias_can_not_be_looked_up_is_told(scene: Scene, kind: str) -> None:
    make, words = CAUSES[kind]
    by_alias(scene)
    make(scene)
    scene.apply()
    scene.until(f"it says {words}", lambda s: words in s.get("message", ""), TOLD_SECONDS)
    assert scene.condition("Accepted")["status"] == "False"


def test_once_there_is_room_the_alias_is_looked_up(scene: Scene) -> None:
    """Given a quota that refuses the pod, when it is gone, then the pod is made."""
    by_alias(scene)
    no_room_by_quota(scene)
    scene.apply()
    scene.until("it says so", lambda s: "exceeded quota" in s.get("message", ""), TOLD_SECONDS)
    scene.kube("-n", scene.namespace, "delete", "quota", "room")
    scene.until("it is looked up", lambda s: (s.get("pins") or {}).get("models"), 60)
    assert scene.status["pins"]["models"][0]["version"] == "1.0.0"


def test_an_evicted_resolver_says_so_and_is_made_anew(scene: Scene) -> None:
    """Given a pod that waits for its Secret, when the node evicts it, then another one is made."""
    by_alias(scene)
    secret_is_missing(scene)
    scene.apply()
    pod = eventually("the pod is there", lambda: resolvers(scene), 20)[0]["metadata"]
    evicted = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}
    where = ("-n", scene.namespace, "patch", "pod", pod["name"])
    scene.kube(*where, "--subresource=status", f"--patch={json.dumps({'status': evicted})}")
    scene.until("it says so", lambda s: "low on memory" in s.get("message", ""), TOLD_SECONDS)
    others = eventually(
        "another pod is there",
        lambda: [p for p in resolvers(scene) if p["metadata"]["uid"] != pod["uid"]],
        90,
    )
    assert others[0]["metadata"]["labels"]["transit.dev/model-deployment"] == NAME
