"""Progress on the terminal: one line a step, alive during long ones, the log's tail on failure.

`step` is the only way to print from a bring-up; everything else writes to log files.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TAIL_LINES = 25
HEARTBEAT = 15.0  # seconds between signs of life where lines cannot be rewritten


class StepFailed(Exception):
    """A step did not work. `log` is where to look, `hint` is what to try."""

    def __init__(self, message: str, log: Path | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.log = log
        self.hint = hint


class Note:
    """What a long step is at, such as "1200 of 3000 packages"; shown beside its elapsed time."""

    def __init__(self) -> None:
        self.text = ""

    def __call__(self, text: str) -> None:
        self.text = text


def say(text: str) -> None:
    """One line for the user."""
    print(text, flush=True)


@contextmanager
def step(title: str, hint: str = "") -> Iterator[Note]:
    """Time a step and show that it is alive; explain it when it fails."""
    note, done, started = Note(), threading.Event(), time.monotonic()
    beat = threading.Thread(target=_heartbeat, args=(title, note, done, started), daemon=True)
    beat.start()
    mark = "FAILED"
    try:
        yield note
        mark = "ok"
    except StepFailed as failure:
        failure.hint = failure.hint or hint
        raise
    finally:
        done.set()
        beat.join()
        elapsed = time.monotonic() - started
        say(f"{_clear()}{mark:>6} {elapsed:7.1f} s  {title}")


def explain(failure: StepFailed) -> None:
    """Print what failed, the end of the log, where the rest is, and what to try."""
    say(f"\n{failure}")
    if failure.log and failure.log.exists():
        lines = failure.log.read_text(errors="replace").splitlines()
        say(f"--- the last lines of {failure.log}")
        for line in lines[-TAIL_LINES:]:
            say(f"  {line[:400]}")
    if failure.hint:
        say(f"Try: {failure.hint}")


def _clear() -> str:
    return "\r\x1b[K" if sys.stdout.isatty() else ""


def _heartbeat(title: str, note: Note, done: threading.Event, started: float) -> None:
    terminal = sys.stdout.isatty()
    while not done.wait(1.0 if terminal else HEARTBEAT):
        elapsed = time.monotonic() - started
        detail = f" ({note.text})" if note.text else ""
        line = f"   ... {elapsed:7.0f} s  {title}{detail}"
        if terminal:
            print(f"{_clear()}{line[:118]}", end="", flush=True)
        else:
            say(line)
