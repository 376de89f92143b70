"""The project's own commands, run as a person runs them: `transit` and `transit-models`.

What the demo shows of a rollout is what they print. What it measures and expects it sees by itself
(`dev.client.watch`), so that a command can't hide what it gets wrong. Neighbours:
`cli/transit_cli` and `models/transit_models` are the programs; `play/shown.py` and `provision` call
them.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from dev.client.kube import Kube
from dev.client.watch import NotAsExpected
from dev.cluster.ui import StepFailed

from .progress import Progress

_TRANSIT = (sys.executable, "-m", "transit_cli")
LATER_SECONDS = 20.0  # how much later than we a command may see the same


class Transit:
    """`transit` with the cluster's kubeconfig, in one namespace; each call is printed before it."""

    def __init__(self, kube: Kube, progress: Progress, namespace: str) -> None:
        self._progress = progress
        self._namespace = namespace
        self._environment = _environment(kube)

    def show(self, *arguments: str) -> None:
        """Run a command to its end, where what it prints is seen. Raises `StepFailed`."""
        code = self._start(*arguments).wait()
        if code != 0:
            raise StepFailed(f"{self._line(*arguments)} ended with {code}; its words are above")

    @contextmanager
    def following(self, name: str, code: int) -> Iterator[None]:
        """`transit status NAME --watch` beside a block, to its own end; raises `NotAsExpected`
        where that is another exit code.
        """
        arguments = ("status", name, "--watch")
        process = self._start(*arguments)
        try:
            yield
            ended = process.wait(LATER_SECONDS)
        except subprocess.TimeoutExpired:
            raise NotAsExpected(
                f"{self._line(*arguments)} had not ended {LATER_SECONDS:.0f} s after the rollout"
            ) from None
        finally:
            _end(process)
        if ended != code:
            raise NotAsExpected(f"{self._line(*arguments)} ended with {ended}, not with {code}")

    @contextmanager
    def page(self) -> Iterator[None]:
        """Serve the live page while a block runs, and say its address. Raises `StepFailed`."""
        process = self._start("dashboard", "--no-browser", stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            address = process.stdout.readline().decode().strip()
            if not address:
                raise StepFailed("the live page did not start; its own words are above")
            self._progress.say(f"  The live page, while this runs: {address}")
            yield
            if process.poll() is not None:
                raise StepFailed(f"the live page ended meanwhile, with {process.returncode}")
        finally:
            _end(process)

    def _start(self, *arguments: str, stdout: int | None = None) -> "subprocess.Popen[bytes]":
        self._progress.command(self._line(*arguments))
        command = [*_TRANSIT, *arguments, "-n", self._namespace]
        return subprocess.Popen(command, env=self._environment, stdout=stdout)

    def _line(self, *arguments: str) -> str:
        return " ".join(("transit", *arguments, "-n", self._namespace))


def said(kube: Kube, *arguments: str) -> str:
    """What `transit` says, for a person to read: its failure too is an answer."""
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    command, environment = [*_TRANSIT, *arguments], _environment(kube)
    return subprocess.run(
        command, env=environment, stdout=pipe, stderr=both, text=True, check=False
    ).stdout


def transit_models(variables: Mapping[str, str], *arguments: str) -> str:
    """Run `transit-models` with more variables; its answer, else its last words.

    Raises `StepFailed` with what it said.
    """
    command = [sys.executable, "-m", "transit_models.cli", *arguments]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StepFailed(f"transit-models {' '.join(arguments)}: {done.stderr[-1500:].strip()}")
    return done.stdout or done.stderr.strip().rpartition("\n")[2]


def _environment(kube: Kube) -> dict[str, str]:
    chosen = kube.kubectl.kubeconfig
    return {**os.environ, **({"KUBECONFIG": str(chosen)} if chosen is not None else {})}


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        process.wait(10)
