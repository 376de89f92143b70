"""The line that Kubernetes shows in a pod's status when its container has ended.

Used by `process` for what it knows, and by `serving.starting.loading` beforehand, for the case that
deserialising a model kills the process: then nobody is left to write anything.
"""

import sys
from pathlib import Path


class TerminationLog:
    """Writes to the termination log; a machine that has none is no error."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def say(self, text: str) -> None:
        """One line on stderr and in the termination log."""
        line = " ".join(text.split())[:4000]
        print(line, file=sys.stderr, flush=True)
        self._write(line + "\n")

    def in_case(self, text: str) -> None:
        """What is to be read if the process dies now."""
        self._write(" ".join(text.split()) + "\n")

    def forget(self) -> None:
        """The danger is over."""
        self._write("")

    def _write(self, text: str) -> None:
        try:
            self._path.write_text(text, encoding="utf-8")
        except OSError:
            return
