"""An Application of Argo CD: made, refreshed as by a webhook, watched, acted upon.

Neighbours: `repository.py` is what it syncs; `dev.client.watch` follows it; tests and the demo wait
here.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dev.client.kube import Kube
from dev.client.watch import NotAsExpected, Object, OnObject, Watch
from dev.cluster.programs import gobuild
from dev.cluster.ui import StepFailed

from .repository import NAMESPACE, Repository

REFRESH = "argocd.argoproj.io/refresh"


class Application:
    """Use as a context manager: the watch ends with it, and the Application goes.

    It syncs by itself, prunes, and heals what somebody changes by hand.
    """

    def __init__(
        self,
        kube: Kube,
        name: str,
        repository: Repository,
        namespace: str,
        on_object: OnObject | None = None,
    ) -> None:
        self.name = name
        self._kube = kube
        self._manifest = _manifest(name, repository.url, namespace)
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications"
        self.watch = Watch(kube, path, name, on_object)

    def __enter__(self) -> "Application":
        self.delete()
        self._kube.apply(json.dumps(self._manifest))
        self.watch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.watch.__exit__()
        self.delete()

    def delete(self) -> None:
        """Without what it has synced, which is for whoever made it to remove."""
        self._kube("-n", NAMESPACE, "delete", "application", self.name, "--ignore-not-found")

    @property
    def status(self) -> Object:
        """Its status as last seen."""
        return _status(self.watch.latest)

    @property
    def health(self) -> str:
        """Healthy, Progressing, Degraded, Suspended, Missing or Unknown."""
        return health_of(self.watch.latest)

    def of(self, kind: str) -> Object:
        """What it says of its resource of a kind: `status` (of the sync) and `health`."""
        return of(self.watch.latest, kind)

    def refresh(self) -> int:
        """Have it look at Git now, as a webhook would; the resourceVersion that asks for it.

        Argo CD takes the annotation away when it has looked.
        """
        where = ("-n", NAMESPACE, "annotate", "application", self.name)
        version = "jsonpath={.metadata.resourceVersion}"
        return int(self._kube(*where, "--overwrite", f"{REFRESH}=hard", "-o", version))

    def refreshed(self, seconds: float = 60.0) -> None:
        """Have it compare Git with the cluster once more, and wait until it has."""
        asked = self.refresh()
        self.until(
            "it is compared with Git",
            lambda app: (
                int(app["metadata"]["resourceVersion"]) > asked
                and REFRESH not in (app["metadata"].get("annotations") or {})
            ),
            seconds,
        )

    def until(self, what: str, holds: Callable[[Object], Any], seconds: float) -> Object:
        """Wait until the Application is so; it. Raises `NotAsExpected`."""
        try:
            return self.watch.wait_for(what, lambda app: bool(holds(app)), seconds)
        except NotAsExpected as failure:
            told = {key: self.status.get(key) for key in ("sync", "health", "resources")}
            operation = self.status.get("operationState") or {}
            told["operation"] = {key: operation.get(key) for key in ("phase", "message")}
            told["conditions"] = self.status.get("conditions")
            raise NotAsExpected(f"{failure}\n{json.dumps(told, indent=1)}") from failure

    def until_healthy(self, commit: str, seconds: float = 120.0) -> Object:
        """Wait until a commit is synced whole, and all of it is well."""
        return self.until(
            f"{commit[:8]} is synced and healthy",
            lambda app: (
                synced(app, commit)
                and operation(app, commit) == "Succeeded"
                and health_of(app) == "Healthy"
            ),
            seconds,
        )

    def act(self, verb: str, kind: str = "ModelDeployment") -> str:
        """Run an action by Argo CD's own command line; what it says. Raises `StepFailed`."""
        return cli(self._kube, "app", "actions", "run", self.name, verb, "--kind", kind)

    def actions(self) -> dict[str, bool]:
        """The actions that Argo CD offers now, and whether each could act."""
        told = cli(self._kube, "app", "actions", "list", self.name, "--out", "json")
        return {one["Action"]: not one["Disabled"] for one in json.loads(told)}


def cli(kube: Kube, *arguments: str) -> str:
    """Run `argocd` against the cluster itself, without an API server of Argo CD's."""
    program = gobuild.PROGRAMS["argocd"].path
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "kubeconfig"
        config.write_text(kube("config", "view", "--raw", "--flatten", "--minify"))
        config.chmod(0o600)
        chosen = ("--kubeconfig", str(config), "set-context", "--current")
        kube.kubectl("config", *chosen, f"--namespace={NAMESPACE}")
        env = {**os.environ, "KUBECONFIG": str(config), "ARGOCD_CONFIG_DIR": folder}
        done = subprocess.run(
            [str(program), "--core", *arguments],
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    if done.returncode != 0:
        raise StepFailed(f"argocd {' '.join(arguments)}: {done.stderr[-1500:]}")
    return done.stdout


def health_of(app: Object | None) -> str:
    """Return an Application's health."""
    return str((_status(app).get("health") or {}).get("status", ""))


def of(app: Object | None, kind: str) -> Object:
    """Return what an Application says of its resource of a kind; {} before it says any."""
    resources = _status(app).get("resources") or []
    return next((one for one in resources if one["kind"] == kind), {})


def synced(app: Object | None, commit: str) -> bool:
    """Tell whether the cluster is as a commit has it."""
    sync = _status(app).get("sync") or {}
    return sync.get("revision") == commit and sync.get("status") == "Synced"


def operation(app: Object | None, commit: str) -> str:
    """Return how the last sync stands (Running, Succeeded, Failed), if it is of this commit."""
    state = _status(app).get("operationState") or {}
    mine = (state.get("syncResult") or {}).get("revision") == commit
    return str(state.get("phase", "")) if mine else ""


def _status(app: Object | None) -> Object:
    found: Object = (app or {}).get("status") or {}
    return found


def _manifest(name: str, url: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "project": "default",
            "source": {"repoURL": url, "path": ".", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
            # A version that was turned back is no better at a second try (docs/guides/gitops.md).
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}, "retry": {"limit": 0}},
        },
    }
