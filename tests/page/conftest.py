"""The live page as a process of its own, in front of a stage."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.page.stage import Stage

_numbers = count()
KEY = re.compile(r"(http://127\.0\.0\.1:\d+)/\?key=\S+")


@dataclass(frozen=True)
class Page:
    """Where a page is served. `entrance` is the address with the key, as it was printed."""

    origin: str
    entrance: str
    process: "subprocess.Popen[str]"

    def interrupted(self) -> tuple[int, str]:
        """Press Ctrl-C; the exit code, and what it has said of problems."""
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said

    def opened(self) -> httpx.Client:
        """Return a client that has been let in."""
        client = httpx.Client(base_url=self.origin, timeout=30, follow_redirects=True)
        assert client.get(self.entrance).status_code == 200
        return client


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A stage that a file's tests share: each has a namespace of its own there."""
    opened = Stage()
    yield opened
    opened.fall_silent()


@pytest.fixture(scope="module")
def served(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """`transit dashboard`, with the stage as its cluster and its Prometheus."""
    with serving(stage, tmp_path_factory.mktemp("page")) as page:
        yield page


@pytest.fixture
def namespace(stage: Stage) -> Iterator[str]:
    """A namespace of the stage; what is in it goes with the test."""
    name = f"test-{next(_numbers)}"
    yield name
    for key in [key for key in stage.objects if key[0] == name]:
        stage.remove(key[1], name)


@pytest.fixture
def own_stage() -> Iterator[Stage]:
    """A stage of the test's own, to count what is asked, or to silence."""
    opened = Stage()
    yield opened
    if not opened.silent:
        opened.fall_silent()


@pytest.fixture
def own_page(own_stage: Stage, tmp_path: Path) -> Iterator[Page]:
    """A page in front of it."""
    with serving(own_stage, tmp_path) as page:
        yield page


class serving:
    """Runs `transit dashboard` as long as it is entered."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        file = written(stage.url, folder)
        options = ["--no-browser", "--kubeconfig", str(file), "--prometheus", stage.url]
        self._command = [sys.executable, "-m", "transit_cli", "dashboard", *options]

    def __enter__(self) -> Page:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, stdout=pipe, stderr=pipe, text=True)
        assert self._process.stdout is not None
        found = KEY.match(self._process.stdout.readline())
        assert found is not None, self._process.communicate()
        return Page(found[1], found[0], self._process)

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.communicate(timeout=30)


def written(server: str, folder: Path) -> Path:
    """Write a kubeconfig whose only context is `stage`."""
    file = folder / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "stage",
        "contexts": [{"name": "stage", "context": {"cluster": "stage", "user": "me"}}],
        "clusters": [{"name": "stage", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": "none"}}],
    }
    file.write_text(json.dumps(config))
    return file
