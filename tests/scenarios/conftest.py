"""A ModelDeployment of puppets for each scenario; the operator is installed once for all."""

import fcntl
from collections.abc import Iterator

import pytest

from dev.demo.kube import Kube
from tests.support import install_operator

from .history import jumps, lost_traffic
from .scene import Scene


@pytest.fixture(scope="session")
def operator(kube: Kube, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Kube:
    """As everywhere, but with pytest-xdist the first worker installs it and the others wait."""
    if worker_id == "master":
        install_operator(kube)
        return kube
    note = tmp_path_factory.getbasetemp().parent / "operator"
    with note.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if note.stat().st_size == 0:
            file.write("failed")  # what the others find if this one does not come to the next line
            file.flush()
            install_operator(kube)
            note.write_text("installed")
    if note.read_text() != "installed":
        pytest.fail("the operator could not be installed; another worker tells why")
    return kube


@pytest.fixture
def scene(operator: Kube, namespace: str) -> Iterator[Scene]:
    """A ModelDeployment `m` that isn't applied yet, in a namespace of its own.

    Whatever a scenario does, no weight may jump and no share of the traffic may be lost.
    """
    with Scene(operator, namespace) as opened:
        yield opened
        assert jumps(opened.mdep.seen) == []
        assert lost_traffic(opened.mdep.seen) == []
