"""A settled system is silent: no write to anything of ours, as long as nothing happens."""

import json
import time

import pytest

from dev.client.kube import Kube
from tests.support import Object, eventually

from .scene import Scene

NUMBER = 20
SECONDS = 60.0
KINDS = "mdep,deployments,services,httproutes,controllerrevisions,events"


def ours(obj: Object) -> bool:
    """All but what kubelets and controllers tell of pods, as of a probe that was too late."""
    about: Object = obj.get("involvedObject") or {}
    return obj["kind"] != "Event" or bool(about.get("kind") == "ModelDeployment")


def version(obj: Object) -> str:
    """What tells one write of ours from the next; controllers write Deployments' status."""
    metadata: Object = obj["metadata"]
    if obj["kind"] != "Deployment":
        return str(metadata["resourceVersion"])
    return json.dumps([metadata["generation"], metadata["labels"], metadata["annotations"]])


def test_settled_ones_are_not_written(
    operator: Kube, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = Scene(operator, namespace)
    scene.ask_for("1.0.0")
    items = [
        {**(one := scene.manifest()), "metadata": {**one["metadata"], "name": f"m-{number}"}}
        for number in range(NUMBER)
    ]
    operator.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))

    def objects() -> dict[str, Object]:
        found = operator.find("-n", namespace, KINDS) or {"items": []}
        return {f"{o['kind']}/{o['metadata']['name']}": o for o in found["items"] if ours(o)}

    def versions() -> dict[str, str]:
        return {name: version(o) for name, o in objects().items()}

    def all_stable() -> bool:
        phases = [
            (o.get("status") or {}).get("phase")
            for name, o in objects().items()
            if name.startswith("ModelDeployment/")
        ]
        return phases == ["Stable"] * NUMBER

    eventually("all of them are stable", all_stable, 120, 1.0)
    # Their Deployments' own status and the gateway's follow a little later.
    quiet = {"last": versions(), "since": time.monotonic()}

    def still() -> bool:
        now = versions()
        if now != quiet["last"]:
            quiet.update(last=now, since=time.monotonic())
        return time.monotonic() - float(str(quiet["since"])) > 5

    eventually("nothing changes for 5 s", still, 60, 1.0)
    before, started = versions(), time.monotonic()
    eventually("a minute passes", lambda: time.monotonic() - started > SECONDS, SECONDS + 5, 5.0)
    after = versions()
    changed = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    with capsys.disabled():
        print(
            f"\n  {NUMBER} settled ModelDeployments, {len(before)} objects,"
            f" {time.monotonic() - started:.0f} s: {len(changed)} written"
        )
    assert changed == []
