"""Rows on which a model hung are kept from coming back, or one of them could end pod after pod.

Of a batch that hung nobody knows which row it was. All its rows are suspects: each is given to the
model alone next time, so that nobody else waits with it. What hangs alone is the culprit, and
refused. After `seconds` both are forgotten.

Only hashes are kept, in a file that outlives the process as the pod's volumes do. `hang_watch`
adds to it just before it ends the process; `inference` asks.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from transit_server.errors import RowInQuarantine
from transit_server.formats.base import Rows

log = logging.getLogger(__name__)


class Quarantine:
    """Of all models of this pod."""

    def __init__(self, file: Path, seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._seconds = seconds
        self._clock = clock
        self._suspects: dict[str, float] = {}  # hash → when it hung, for the first time
        self._culprits: dict[str, float] = {}
        self._read()

    @property
    def in_use(self) -> bool:
        """Whether any row is in it; what hung alone is a suspect, too."""
        return bool(self._suspects)

    def must_go_alone(self, model: str, rows: Rows) -> bool:
        """Whether one of `rows` is a suspect. Raises `RowInQuarantine` for a culprit."""
        self._forget()
        found = [_hash(model, row) for row in rows]
        for index, name in enumerate(found):
            if name in self._culprits:
                left = self._culprits[name] + self._seconds - self._clock()
                raise RowInQuarantine(
                    f"model {model} hung on this row; it is refused for {left:.0f} s more",
                    field=f"features[{index}]" if len(rows) > 1 else "features",
                )
        return any(name in self._suspects for name in found)

    def hung(self, model: str, rows: Rows) -> None:
        """The model has not come back from a batch of these."""
        now = self._clock()
        found = [_hash(model, row) for row in rows]
        self._suspects.update(dict.fromkeys(found, now))
        if len(found) == 1:
            self._culprits[found[0]] = now
        self._forget()
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            made = self._file.with_suffix(".new")
            made.write_text(json.dumps({"suspects": self._suspects, "culprits": self._culprits}))
            made.replace(self._file)
        except OSError as error:
            log.error("rows that hang may come back: %s can't be written: %s", self._file, error)

    def _read(self) -> None:
        try:
            kept = json.loads(self._file.read_text())
            self._suspects, self._culprits = dict(kept["suspects"]), dict(kept["culprits"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.error("%s can't be read: %s", self._file, type(error).__name__)
            return
        self._forget()
        if self._suspects:
            log.warning(
                "a model hung here; rows that go to it alone: %d, that are refused: %d",
                *(len(self._suspects), len(self._culprits)),
            )

    def _forget(self) -> None:
        oldest = self._clock() - self._seconds
        for kept in (self._suspects, self._culprits):
            for name in [name for name, since in kept.items() if since <= oldest]:
                del kept[name]


def _hash(model: str, row: Rows) -> str:
    """Of its values: in memory, texts are addresses."""
    values = repr(row.tolist()).encode() if row.dtype.hasobject else row.tobytes()
    return hashlib.sha256(model.encode() + b":" + values).hexdigest()
