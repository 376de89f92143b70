"""What the Dockerfiles of the shipped images say, and when one is built anew."""

import re
from pathlib import Path

import pytest

from dev.cluster import paths
from dev.cluster.images import buildah

SHIPPED = ("Dockerfile.operator", "Dockerfile.dashboard", "Dockerfile.server")


def last_stage(name: str) -> str:
    return (paths.REPOSITORY / name).read_text().rpartition("\nFROM ")[2]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_user_is_a_number_and_not_root(name: str) -> None:
    """A name can't be told from root's by `runAsNonRoot`."""
    assert re.findall(r"^USER (\S+)$", last_stage(name), re.M) == ["65532:65532"]


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_is_started_by_a_shell(name: str) -> None:
    commands = re.findall(
        r"^(?:ENTRYPOINT| *CMD|HEALTHCHECK .*\\\n *CMD) (.*)$", last_stage(name), re.M
    )
    assert commands
    for command in commands:
        assert command.startswith('["python", ')


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with what a Dockerfile copies by pattern."""
    monkeypatch.setattr(paths, "REPOSITORY", tmp_path)
    (tmp_path / "pins").mkdir()
    for name in ("pins/server.txt", "pins/server-gpu.txt"):
        (tmp_path / name).write_text("a==1\n")
    (tmp_path / "Dockerfile").write_text("FROM base\nCOPY pins/server*.txt /pins/\n")
    return tmp_path


@pytest.mark.parametrize("change", ["pins/server.txt", "pins/server-gpu.txt", "Dockerfile"])
def test_an_image_is_built_anew_when_what_it_copies_has_changed(tree: Path, change: str) -> None:
    before = buildah.inputs(tree / "Dockerfile")
    (tree / change).write_text((tree / change).read_text() + "# changed\n")
    assert buildah.inputs(tree / "Dockerfile") != before
