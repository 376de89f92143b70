"""Why a row has no answer: one text for the client, another for who runs the server.

A client learns what failed and how the exception is called. Its text may hold paths, addresses or
another's values; the log has it without what could be a value of the row.
"""

import re
import traceback
from dataclasses import dataclass
from typing import Any

_LONGEST = 300
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBER = re.compile(r"(?<!\w)[-+]?\d+(?:[.,_]\d+)*(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Failure:
    """`reason` is for clients; `text` and `place` are those of an exception. `by_row`: the row may
    be at fault, which the model's probes have to say; want of memory is never its fault.
    """

    reason: str
    text: str = ""
    place: str = ""
    by_row: bool = True

    @classmethod
    def of(cls, stage: str, error: BaseException) -> "Failure":
        """Of preprocessing or the model, which has raised `error`."""
        frame = (traceback.extract_tb(error.__traceback__) or [None])[-1]
        return cls(
            f"{stage} failed on this row ({type(error).__name__})",
            str(error)[:_LONGEST],
            f"{frame.filename}:{frame.lineno}" if frame else "",
            not isinstance(error, MemoryError),
        )

    @property
    def full(self) -> str:
        """For the owner of the model: nothing is left out."""
        return f"{self.reason}: {self.text}" if self.text else self.reason

    def for_log(self, row: Any = None) -> str:
        """Without numbers, quotations, and the texts of `row`, as a list or tuple of its values."""
        text = self.text
        for value in row if isinstance(row, list | tuple) else ():
            if isinstance(value, str) and value:
                text = text.replace(value, "…")
        text = _NUMBER.sub("#", _QUOTED.sub("'…'", " ".join(text.split())))
        said = f"{self.reason}: {text}" if text else self.reason
        return f"{said} at {self.place}" if self.place else said
