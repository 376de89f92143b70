"""A Redis or Valkey of a test's own: a private port of 127.0.0.1, a password, nothing on disk.

It can be stopped as a hanging one is, ended at once, and started again, empty and at the same
address. With an authority (`certificates`) it speaks TLS only.
"""

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import redis

from dev.cluster.programs import packages
from tests.certificates import Authority
from tests.minio import mount
from tests.support import eventually

PASSWORD = "transit-secret/of#redis"
_IN_URL = "transit-secret%2Fof%23redis"
Kind = Literal["redis", "valkey"]


class RedisServer:
    """One server. `secret` is a folder as the kubelet mounts a Secret.

    Debian's Redis has TLS; the Valkey of its wheel has not.
    """

    def __init__(self, kind: Kind, folder: Path, authority: Authority | None = None) -> None:
        self._program = packages.REDIS if kind == "redis" else packages.valkey()
        if not self._program.is_file():
            pytest.fail(f"{kind} is missing: python3 -m dev.cluster redis")
        self._name = f"{kind}-server"
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.address = f":{_IN_URL}@127.0.0.1:{self.port}/1"
        self.secret = folder / "secret"
        self._listening: tuple[object, ...] = ("--port", self.port)
        if authority is None:
            self.url = f"redis://{self.address}"
            self.client: redis.Redis = redis.Redis.from_url(self.url)
            mount(self.secret, {"url": self.url})
        else:
            self.url = f"rediss://{self.address}"
            self.client = redis.Redis.from_url(self.url, ssl_ca_certs=str(authority.certificate))
            mount(self.secret, {"url": self.url, "ca.crt": authority.certificate.read_text()})
            certificate, key = authority.issue(kind, "IP:127.0.0.1")
            self._listening = ("--port", 0, "--tls-port", self.port, "--tls-auth-clients", "no")
            self._listening += ("--tls-cert-file", certificate, "--tls-key-file", key)
            self._listening += ("--tls-ca-cert-file", authority.certificate)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._name, "--bind", "127.0.0.1", *map(str, self._listening)),
                    *("--requirepass", PASSWORD, "--save", "", "--maxmemory", "32mb"),
                ],
                executable=self._program,
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        eventually(f"{self._name} answers", self._answers, 60, pause=0.02)

    def hang(self) -> None:
        """It takes connections, and answers nobody."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait(20)

    def names(self) -> set[str]:
        """Of all entries."""
        found: Any = self.client.keys("transit:answer:*")
        return {name.decode() for name in found}

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False


@contextmanager
def running(kind: Kind, folder: Path, authority: Authority | None = None) -> Iterator[RedisServer]:
    """Run one until the block ends."""
    server = RedisServer(kind, folder, authority)
    server.start()
    try:
        yield server
    finally:
        server.client.close()
        server.kill()
