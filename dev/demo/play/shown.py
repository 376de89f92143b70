"""The demo by the command line: versions are asked for, and rollouts followed, as a person does it.

The first version is applied, each later one is asked for by `transit set version`, and every
rollout is shown by `transit status --watch`, whose exit code must be that of its end. Neighbours:
`stage.py` does all else, `terminal/commands.py` runs the commands; `gitops.py` asks by commits.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from dev.client.kube import Kube
from dev.client.watch import Object
from dev.cluster import paths

from ..terminal.commands import Transit
from ..terminal.progress import Progress
from .stage import MANIFEST, MODEL, NAME, Stage


class ShownStage(Stage):
    """As a `Stage`, for somebody who looks on."""

    def __init__(self, kube: Kube, progress: Progress, rate: float) -> None:
        super().__init__(kube, progress, rate)
        self.transit = Transit(kube, progress, self.namespace)

    def ask_for(self, version: str) -> Object:
        """Apply the first version, set each later one; the metadata that it has then."""
        if self.mdep.latest is None:
            self.progress.command(f"kubectl apply -f {MANIFEST.relative_to(paths.REPOSITORY)}")
            return super().ask_for(version)
        now = time.time()
        self.transit.show("set", "version", NAME, f"{MODEL}={version}")
        self.timeline.note(now, "Applied", f"the spec asks for {MODEL} {version}")
        return self.metadata()

    @contextmanager
    def followed(self, code: int) -> Iterator[None]:
        """Show the rollout until it has ended."""
        with self.transit.following(NAME, code):
            yield
