"""The demo by GitOps: versions are asked for by commits that a real Argo CD syncs.

Its health of the ModelDeployment is told after each rollout, and at the end its actions are used.
Neighbours: `shown.py` and `stage.py` do all else; `dev.gitops` has the repository and the
Application.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import yaml

from dev.client.kube import Kube
from dev.client.watch import Object
from dev.gitops.application import Application, of
from dev.gitops.repository import Repository

from ..terminal.progress import Progress, plain
from .shown import ShownStage
from .stage import MODEL, NAME

APPLICATION = "demo"
KIND = "ModelDeployment"
SYNC_SECONDS = 60.0


class GitStage(ShownStage):
    """As a `ShownStage`, but for the way in which the spec gets to the cluster."""

    def __init__(self, kube: Kube, progress: Progress, rate: float) -> None:
        super().__init__(kube, progress, rate)
        self._health = ""
        self._news: list[str] = []
        self._repository = Repository(kube, APPLICATION)
        self.app = Application(kube, APPLICATION, self._repository, self.namespace, self._take)

    def __enter__(self) -> Self:
        self.app.delete()  # or it would bring back what an earlier run has left
        super().__enter__()
        self._stack.enter_context(self.app)
        return self

    def ask_for(self, version: str) -> Object:
        """Commit the manifest with this version; the metadata once Argo CD has applied it."""
        self.manifest["spec"]["models"][0]["version"] = version
        text = yaml.safe_dump(self.manifest, sort_keys=False)
        commit = self._repository.commit({f"{NAME}.yaml": text}, f"{MODEL} {version}")[:8]
        self.timeline.note(time.time(), "Committed", f"{commit} asks for {MODEL} {version}")
        self.progress.say(f"  committed: {commit} asks for {MODEL} {version}")
        self.app.refresh()
        found = self.mdep.wait_for(
            f"Argo CD to apply {commit}",
            lambda mdep: mdep["spec"]["models"][0]["version"] == version,
            SYNC_SECONDS,
        )
        metadata: Object = found["metadata"]
        return metadata

    @contextmanager
    def followed(self, code: int) -> Iterator[None]:
        """Show the rollout until it has ended, then how Argo CD saw it."""
        with super().followed(code):
            yield
        while self._news:
            self.progress.say(f"  Argo CD: {self._news.pop(0)}")

    def use_actions(self, stable: str, before: str) -> None:
        """Revert to what serves, roll back by Argo CD's action, and retry by another one."""
        self.timeline.scenario = "actions"
        self.progress.say("Argo CD's actions")
        with self.progress.waiting(f"the commit that asks for {stable} again is healthy"):
            self.ask_for(stable)
            self._until("Healthy")
        self._say_actions()
        for verb, health, title in (
            ("rollback", "Degraded", f"all traffic to {before}, though Git asks for {stable}"),
            ("retry", "Healthy", f"{stable} is tried again, and as it was stable lately, at once"),
        ):
            with self.progress.waiting(f"{verb}: {title}"):
                self.app.act(verb)
                self.timeline.note(time.time(), "Action", f"Argo CD runs {verb}")
                self._until(health)
            self.progress.say(f"  {self._said()}")

    def _until(self, health: str) -> None:
        self.app.until(f"{KIND} is {health}", lambda app: _health(app) == health, 120)

    def _say_actions(self) -> None:
        offered = self.app.actions()
        able = ", ".join(sorted(verb for verb, enabled in offered.items() if enabled))
        others = ", ".join(sorted(verb for verb, enabled in offered.items() if not enabled))
        self.progress.say(f"  actions: {able}; disabled now: {others}")

    def _said(self) -> str:
        health = of(self.app.watch.latest, KIND).get("health") or {}
        return plain(f"{health.get('status')}: {health.get('message', '-')}")[:200]

    def _take(self, at: float, app: Object | None) -> None:
        """Note each change of health, by the watch's thread."""
        health = _health(app)
        if health and health != self._health:
            self._health = health
            message = str((of(app, KIND).get("health") or {}).get("message", ""))
            self.timeline.note(at, "Argo CD", f"{health}: {plain(message)}")
            self._news.append(plain(f"{health}: {message}")[:200])


def _health(app: Object | None) -> str:
    return str((of(app, KIND).get("health") or {}).get("status", ""))
