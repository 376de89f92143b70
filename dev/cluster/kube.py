"""kubectl with a fixed kubeconfig: how the add-ons and the providers talk to a cluster."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import shell
from .ui import StepFailed

MANAGER = "--field-manager=transit-dev-cluster"


@dataclass(frozen=True)
class Kubectl:
    """Commands against one cluster."""

    program: Path | str
    kubeconfig: Path | None = None

    def __call__(self, *arguments: str | Path, stdin: str | None = None) -> str:
        """Run kubectl; its answer, or a failure with what it said."""
        command = self.argv(*arguments)
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise StepFailed(f"kubectl {' '.join(map(str, arguments))[:200]}: {done.stderr[-800:]}")
        return done.stdout

    def argv(self, *arguments: str | Path) -> list[str]:
        """The command line, for those who run it themselves."""
        chosen = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return [str(self.program), *chosen, *map(str, arguments)]

    def apply(self, text: str) -> None:
        """Server-side apply of YAML or JSON documents, repeated while a webhook or CRD settles."""
        shell.wait_for("server-side apply", lambda: self._apply(text), 20)

    def get(self, *arguments: str) -> Any:
        """An answer in JSON."""
        return json.loads(self("get", *arguments, "-o", "json"))

    def nodes_ready(self, expected: int) -> bool:
        """Whether that many nodes are there and all of them are ready."""
        nodes = self.get("nodes")["items"]
        ready = [node["metadata"]["name"] for node in nodes if _is_ready(node)]
        return len(ready) == len(nodes) >= expected

    def rolled_out(self, namespace: str, deployments: Sequence[str], seconds: int = 120) -> None:
        """Wait for Deployments; on failure say what their pods say."""
        for name in deployments:
            try:
                self(
                    "-n",
                    namespace,
                    "rollout",
                    "status",
                    f"deployment/{name}",
                    f"--timeout={seconds}s",
                )
            except StepFailed as failure:
                pods = self("-n", namespace, "get", "pods", "-o", "wide")
                events = self("-n", namespace, "get", "events", "--sort-by=.lastTimestamp")
                raise StepFailed(f"{failure}\n{pods}\n{events[-1500:]}") from failure

    def _apply(self, text: str) -> bool:
        self("apply", "--server-side", "--force-conflicts", MANAGER, "-f", "-", stdin=text)
        return True


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node["status"].get("conditions", [])
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
