"""A port on loopback that leads into the cluster, by `kubectl port-forward`.

kubectl ends all of a forward when the far end resets one connection ("lost connection to pod"), as
MinIO now and then does. So it is started again, on the same port: whoever connects meanwhile is
refused for a moment, and has to try again. Neighbour: `kube` has the command line.
"""

import subprocess
import threading
import time
from collections.abc import Callable, Sequence

from dev.cluster.ui import StepFailed

SECONDS = 20.0


class Forward:
    """Use as a context manager; `port` is the local one. Raises `StepFailed` on entering."""

    def __init__(self, argv: Callable[[str], Sequence[str]], target: str) -> None:
        self._argv = argv  # of the local port, '' for one that is free
        self._target = target
        self._stopped = threading.Event()
        self._said: list[str] = []
        self._found = threading.Event()
        self._process = self._start("")
        self._thread = threading.Thread(target=self._follow, name="port-forward", daemon=True)

    def __enter__(self) -> int:
        self._thread.start()
        # Without a pod kubectl never says a port: wait, but not long.
        deadline = time.monotonic() + SECONDS
        while not self._found.wait(0.1):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                said = " ".join(self._said) or "no answer"
                raise StepFailed(f"no port-forward to {self._target}: {said}")
        return int(self._port)

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._process.terminate()
        self._process.wait(5)
        self._thread.join(5)

    @property
    def _port(self) -> str:
        return self._said[-1].split("127.0.0.1:")[1].split()[0]

    def _start(self, local: str) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        return subprocess.Popen(
            list(self._argv(local)), stdout=pipe, stderr=subprocess.STDOUT, text=True
        )

    def _follow(self) -> None:
        """Read to the end, or kubectl blocks on a full pipe; then start it again."""
        while True:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                if not self._found.is_set():
                    self._said.append(line.strip())
                if line.startswith("Forwarding from 127.0.0.1:"):
                    self._found.set()
            self._process.wait()
            if self._stopped.is_set() or not self._found.is_set():
                return
            self._process = self._start(self._port)
            if self._stopped.is_set():  # told in the meantime, of the one before
                self._process.terminate()
