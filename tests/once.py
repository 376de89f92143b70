"""What the workers of pytest-xdist share: things that are made once, and things used in turn."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

MADE = "made"


class Once:
    """The fixture `once`: makes a thing in the first worker that asks for it.

    `folder` is the same one for all workers, and of this run alone.
    """

    def __init__(self, factory: pytest.TempPathFactory, worker_id: str) -> None:
        self._alone = worker_id == "master"
        base = factory.getbasetemp()
        self.folder = base if self._alone else base.parent

    def __call__(self, name: str, make: Callable[[], None]) -> None:
        """Call `make` in the first worker that comes here; the others wait until it has ended.

        Where it fails, it fails in all of them, for the reason of the first.
        """
        if self._alone:
            make()
            return
        note = self.folder / f"once-{name}"
        with note.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if note.stat().st_size == 0:
                file.write("its worker was ended")
                file.flush()
                try:
                    make()
                except Exception as failure:
                    note.write_text(str(failure))
                    raise
                note.write_text(MADE)
        if (said := note.read_text()) != MADE:
            pytest.fail(f"{name} could not be made: {said}")


@contextmanager
def in_turn(factory: pytest.TempPathFactory, name: str) -> Iterator[None]:
    """Have something of which there is one in the whole run, after whoever has it now."""
    with (factory.getbasetemp().parent / f"turn-{name}").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
