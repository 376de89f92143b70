"""What a person sees meanwhile: lines with the time since the start, and that a wait is alive.

A waiting line is printed when its message (`PHASE: text`) says something new, or after `HEARTBEAT`
seconds; a number in the text that counts up is not new. On a terminal the last line counts along.
"""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

HEARTBEAT = 10.0
WIDTH = 150


class Progress:
    """Prints; knows when the demo began."""

    def __init__(self) -> None:
        self.started = time.time()
        self._terminal = sys.stdout.isatty()

    def clock(self, at: float | None = None) -> str:
        """Time since the start: `2:07.3`."""
        passed = (time.time() if at is None else at) - self.started
        return f"{int(passed // 60)}:{passed % 60:04.1f}"

    def say(self, text: str = "") -> None:
        """One line for good."""
        clear = "\r\x1b[K" if self._terminal else ""
        print(f"{clear}[{self.clock():>7}] {text}" if text else clear, flush=True)

    def command(self, line: str) -> None:
        """A command as a person would type it; what it prints comes after it."""
        clear = "\r\x1b[K" if self._terminal else ""
        print(f"{clear}$ {line}", flush=True)

    @contextmanager
    def waiting(self, what: str) -> Iterator["Waiting"]:
        """Say what is awaited, then how it goes, then how long it took."""
        self.say(f"  {what} ...")
        waiting = Waiting(self)
        yield waiting
        self.say(f"  {what}: {waiting.seconds():.1f} s")

    def transient(self, text: str) -> None:
        """A line that the next one takes the place of; only where lines can be rewritten."""
        if self._terminal:
            print(f"\r\x1b[K[{self.clock():>7}] {text}"[:WIDTH], end="", flush=True)


def plain(text: str) -> str:
    """One line without colours: messages may quote a container's log."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text).split())


class Waiting:
    """One wait: `tell` it the latest message as often as you like."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._began = time.monotonic()
        self._said = ""
        self._said_at = self._began

    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._began

    def tell(self, message: str) -> None:
        """The message as it is now."""
        message = plain(message) or "-"
        line = f"    {self.seconds():4.0f} s  {message}"
        phase, _, rest = message.partition(": ")
        news = phase + re.sub(r"[0-9.]+", "#", rest)
        if news != self._said or time.monotonic() - self._said_at >= HEARTBEAT:
            self._said, self._said_at = news, time.monotonic()
            self._progress.say(line[: WIDTH * 2])
        else:
            self._progress.transient(line)
