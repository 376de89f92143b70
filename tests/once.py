"""Expensive things of a test run are made once, also where pytest-xdist runs several workers."""

import fcntl
from collections.abc import Callable

import pytest


def once(
    factory: pytest.TempPathFactory, worker_id: str, name: str, make: Callable[[], None]
) -> None:
    """Call `make` in the first worker that comes here; the others wait until it has ended.

    Where it fails, it fails in the first worker, and the others say where to look.
    """
    if worker_id == "master":
        make()
        return
    note = factory.getbasetemp().parent / f"once-{name}"
    with note.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if note.stat().st_size == 0:
            file.write("failed")  # what the others find if this one does not come to the next line
            file.flush()
            make()
            note.write_text("made")
    if note.read_text() != "made":
        pytest.fail(f"{name} could not be made; another worker tells why")
