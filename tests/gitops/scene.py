"""A `Scene` whose spec gets to the cluster by a commit, in an Application with three sync waves.

Before the ModelDeployment: a Secret, and the Gateway that its HTTPRoute hangs on. After it: a
ConfigMap, which may only be there once the ModelDeployment is healthy.
"""

import json
from typing import Any

from dev.client.kube import Kube
from dev.gitops.application import Application, health_of, operation
from dev.gitops.repository import Repository
from tests.scenarios.scene import Scene
from tests.support import Object

WAVE = "argocd.argoproj.io/sync-wave"
GATEWAY_PORT = 18080  # of the entry point that the cluster's Traefik has


class GitScene(Scene):
    """Use as a context manager. `after` is what the last wave's ConfigMap says next."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        super().__init__(kube, namespace)
        self.spec["traffic"]["gateway"]["parentRefs"] = [{"name": "own"}]
        self.repository = Repository(kube, namespace)
        self.app = Application(kube, namespace, self.repository, namespace)
        self.after = "1"
        self.commit = ""

    def __enter__(self) -> "GitScene":
        super().__enter__()
        self.app.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.app.__exit__()
        super().__exit__()

    def apply(self) -> None:
        """Commit all of it as it stands, and have Argo CD look."""
        files = {
            "secret.yaml": self._before("v1", "Secret", "store", stringData={"KEY": "value"}),
            "gateway.yaml": self._before(
                "gateway.networking.k8s.io/v1", "Gateway", "own", spec=_gateway()
            ),
            "model.yaml": self.manifest(),
            "after.yaml": self._object("v1", "ConfigMap", "after", 2, data={"at": self.after}),
        }
        texts = {path: json.dumps(obj, indent=1) for path, obj in files.items()}
        version = self.spec["models"][0]["version"]
        self.commit = self.repository.commit(texts, f"{version}, then {self.after}")
        self.app.refresh()

    def manifest(self) -> Object:
        """The ModelDeployment, in the wave between."""
        found = super().manifest()
        found["metadata"]["annotations"] = {WAVE: "1"}
        return found

    def healthy(self, seconds: float = 120.0) -> Object:
        """Wait until the last commit is synced, and all of it is well."""
        return self.app.until_healthy(self.commit, seconds)

    def degraded(self, seconds: float = 90.0) -> Object:
        """Wait until the sync of the last commit has failed, since the model has."""
        return self.app.until(
            "the sync fails with the model",
            lambda app: operation(app, self.commit) == "Failed" and health_of(app) == "Degraded",
            seconds,
        )

    def last_wave(self) -> str:
        """What the ConfigMap behind the ModelDeployment says; empty where it isn't there."""
        found = self.kube.find("-n", self.namespace, "configmap", "after")
        return str(found["data"]["at"]) if found is not None else ""

    def healths(self) -> list[str]:
        """What Argo CD has said of the ModelDeployment, one after the other."""
        found: list[str] = []
        for seen in self.app.watch.seen:
            resources = ((seen.object or {}).get("status") or {}).get("resources") or []
            for one in resources:
                health = (one.get("health") or {}).get("status", "")
                if one["kind"] == "ModelDeployment" and health and [health] != found[-1:]:
                    found.append(health)
        return found

    def _before(self, version: str, kind: str, name: str, **parts: Any) -> Object:
        return self._object(version, kind, name, 0, **parts)

    def _object(self, version: str, kind: str, name: str, wave: int, **parts: Any) -> Object:
        where = {"name": name, "namespace": self.namespace, "annotations": {WAVE: str(wave)}}
        return {"apiVersion": version, "kind": kind, "metadata": where, **parts}


def _gateway() -> Object:
    listener = {
        "name": "http",
        "protocol": "HTTP",
        "port": GATEWAY_PORT,
        "allowedRoutes": {"namespaces": {"from": "Same"}},
    }
    return {"gatewayClassName": "traefik", "listeners": [listener]}
