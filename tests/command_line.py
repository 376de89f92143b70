"""The command line as a person or a pipeline runs it: a process of its own, on a real cluster."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from dev.client.kube import Kube

SECONDS = 120


@dataclass(frozen=True)
class Cli:
    """Runs `transit` in a namespace."""

    kube: Kube
    namespace: str

    def __call__(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        found = self.start(*arguments)
        out, err = found.communicate(stdin, SECONDS)
        return subprocess.CompletedProcess(found.args, found.returncode, out, err)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Begin a command; whoever began it waits for it."""
        environment = {**os.environ, "COLUMNS": "200"}
        if self.kube.kubectl.kubeconfig is not None:
            environment["KUBECONFIG"] = str(self.kube.kubectl.kubeconfig)
        return subprocess.Popen(
            [sys.executable, "-m", "transit_cli", *arguments, "-n", self.namespace],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def data(self, *arguments: str) -> Any:
        """Run a command with `-o json`; what it printed."""
        done = self(*arguments, "-o", "json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)
