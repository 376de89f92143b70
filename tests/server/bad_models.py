"""Preprocessing steps that fail the way real ones do; pickled into the stores of the tests."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


class RaisesOnMarked:
    """Fails on rows whose first value is over 100; a file says how often it had none of them."""

    def transform(self, rows: Floats) -> Floats:
        if (rows[:, 0] > 100).any():
            raise ValueError("first value out of range")
        if "TEST_ASKED" in os.environ:
            with Path(os.environ["TEST_ASKED"]).open("a") as asked:
                asked.write(".")
        return rows


class ShiftsInPlace:
    """Writes into the rows that it is given."""

    def transform(self, rows: Floats) -> Floats:
        rows += 0.5
        return rows


class Sleeps:
    """Takes its time without using the processor; leaves a file when it begins to.

    Where there is a file that holds it, it first waits until that is gone.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def transform(self, rows: Floats) -> Floats:
        if rows[0, 0] > 100:
            if "TEST_ENTERED" in os.environ:
                Path(os.environ["TEST_ENTERED"]).touch()
            while "TEST_HELD" in os.environ and Path(os.environ["TEST_HELD"]).exists():
                time.sleep(0.01)
            time.sleep(self.seconds)
        return rows


class SleepsPerRow:
    """Takes so long for each marked row of a batch."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def transform(self, rows: Floats) -> Floats:
        time.sleep(self.seconds * int((rows[:, 0] > 100).sum()))
        return rows


class HangsOnMarked:
    """Doesn't come back from a batch with a marked row."""

    def transform(self, rows: Floats) -> Floats:
        while (rows[:, 0] > 100).any():
            time.sleep(0.01)
        return rows


class LeaksOnMarked:
    """Fails with a text that says too much: an address, a path, and a value of the row."""

    def transform(self, rows: Floats) -> Floats:
        if (rows[:, 0] > 100).any():
            text = f"postgres://scott:tiger@db/features: no {rows[0, 0]} in '/srv/secret/table'"
            raise LookupError(text)
        return rows


class Computes:
    """Holds the interpreter with plain Python for a while, on marked rows."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def transform(self, rows: Floats) -> Floats:
        end = time.monotonic() + (self.seconds if rows[0, 0] > 100 else 0.0)
        total = 0
        while time.monotonic() < end:
            total += sum(range(100))
        return rows


class DiesOnMarked:
    """Takes the whole process with it."""

    def transform(self, rows: Floats) -> Floats:
        if (rows[:, 0] > 100).any():
            os._exit(7)
        return rows


class RaisesOnLoad:
    """Can't be unpickled."""

    def __getstate__(self) -> dict[str, Any]:
        return {"x": 1}

    def __setstate__(self, state: dict[str, Any]) -> None:
        raise RuntimeError("needs a library that is not here")


class KillsOnLoad:
    """Ends the process while it is unpickled."""

    def __getstate__(self) -> dict[str, Any]:
        return {"x": 1}

    def __setstate__(self, state: dict[str, Any]) -> None:
        os._exit(9)


class LeavesATrace:
    """Writes a file when it is unpickled, so that a test sees whether it was."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __setstate__(self, state: dict[str, Any]) -> None:
        state["path"].write_text("unpickled")
        self.__dict__.update(state)

    def transform(self, rows: Floats) -> Floats:
        return rows


class FailsOnDemand:
    """Fails while a file exists, as when a device is lost."""

    def transform(self, rows: Floats) -> Floats:
        if os.path.exists(os.environ.get("TEST_FAULT", "")):
            raise RuntimeError("the device is lost")
        return rows


class DependsOnBatch:
    """Moves rows away from the batch's mean, which makes a row's answer depend on the others."""

    def transform(self, rows: Floats) -> Floats:
        further: Floats = 2.0 * rows - rows.mean(axis=0)
        return further
