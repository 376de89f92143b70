"""What a cluster has to be able to do, whichever kind it is; and which kind this machine gets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from . import shell
from .ui import StepFailed

NAMES = ("local", "kind", "current")


class Provider(Protocol):
    """One way of having a cluster: `local/`, `kind.py`, `current.py`."""

    name: str

    def up(self) -> None:
        """Bring it up with its add-ons; quick and harmless when it is up."""

    def down(self) -> None:
        """Take it away without a trace; quick and harmless when there is none."""

    def status(self) -> bool:
        """Print what is there; whether all of it is well."""

    def build_images(self, dockerfiles: dict[str, Path]) -> None:
        """Build images (name -> Dockerfile) with the repository as context."""

    def load(self, images: Sequence[str]) -> None:
        """Make images built here available to every node."""

    def kubeconfig(self) -> Path | None:
        """The kubeconfig to use; none means kubectl's own default."""

    def metrics(self) -> None:
        """Have the metrics API (metrics-server), by which autoscalers see what pods use."""

    def database(self) -> None:
        """Have a PostgreSQL, empty where it is new, for Transit's registry."""

    def argocd(self) -> None:
        """Have Argo CD's core, and a Git server for it to read from."""

    def envoy_gateway(self) -> None:
        """Have Envoy Gateway, and a Gateway `public` of its own beside Traefik's."""

    def pause_node(self, node: str) -> None:
        """Have a node's kubelet fall silent, as when the node is lost. `resume_node` undoes it."""

    def resume_node(self, node: str) -> None:
        """Let a paused node go on; harmless for one that isn't paused."""

    def gateway(self) -> str:
        """The URL under which the Gateway `public` is reached from this machine."""


def choose(name: str | None) -> Provider:
    """By option, else by CLUSTER, else kind where Docker and kind work, else local."""
    from .current import Current
    from .kind import Kind
    from .local.cluster import Local

    wanted = name or os.environ.get("CLUSTER") or ("kind" if kind_usable() else "local")
    kinds: dict[str, type[Provider]] = {"local": Local, "kind": Kind, "current": Current}
    if wanted not in kinds:
        raise StepFailed(f"CLUSTER={wanted} is unknown", hint=f"one of {', '.join(NAMES)}")
    return kinds[wanted]()


def kind_usable() -> bool:
    """Whether there is a kind command and a Docker engine that answers."""
    return bool(shutil.which("kind")) and shell.succeeds(["docker", "info"])
