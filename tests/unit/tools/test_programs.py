"""The programs of the local cluster: those that are our own have their source in the tree."""

from pathlib import Path

from dev.cluster.programs import gobuild

SOURCES = Path(gobuild.__file__).parent / "gotools"


def test_each_program_of_our_own_has_its_source_and_each_source_its_program() -> None:
    """Where one is built already, nobody would miss its source but a fresh machine."""
    own = {one.package for one in gobuild.PROGRAMS.values() if one.package.startswith("./")}
    assert {f"./{file.parent.name}" for file in SOURCES.glob("*/main.go")} == own
