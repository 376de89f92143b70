"""The thread that writes the log: what waits becomes files, and files are put into a store.

A file is JSON lines of one kind and one day, packed by gzip, put whole, never changed, and of a
name that no other has: KIND/day=DAY/NAMESPACE/NAME/HOST-START-NUMBER.jsonl.gz. A store that is away
is tried again with the same file; what comes meanwhile waits, as far as there is room.
Neighbours: `log` fills the queue and counts what is in it; `lines` makes lines of entries.
"""

import logging
import socket
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from transit_models.errors import ModelStoreError
from transit_models.storage.opening import open_objects
from transit_server.observability.prediction_log_series import PredictionLogSeries
from transit_server.prediction_log.lines import Entry, Feedback, Kind, Place, lines_of
from transit_server.settings import PredictionLogSettings

log = logging.getLogger(__name__)

FILE: Final = 8 * 2**20  # bytes of lines, after which a file is full
_PAUSES: Final = (1.0, 30.0)  # the first and the longest, after a try that failed
_GZIP: Final = 31  # what zlib calls it
_AT_ONCE: Final = 256  # so little that the event loop doesn't wait for it
_PIECE: Final = 2**18
_FIRST_DAY: Final = date(1970, 1, 1)


Key = tuple[Kind, int]  # and the day, counted from 1970


class Waiting(NamedTuple):
    """Lines, or an entry that becomes some; how many. `weight` is what it counts for in bytes."""

    key: Key
    what: Entry | Feedback
    lines: int
    weight: int


_KEY = attrgetter("key")


class Writer:
    """Takes from the left of `waiting`, to which others append. `done` only grows: the weight of
    all that doesn't wait any more.
    """

    def __init__(
        self,
        settings: PredictionLogSettings,
        place: Place,
        waiting: deque[Waiting],
        series: PredictionLogSeries,
    ) -> None:
        self.done = 0
        self._objects = open_objects(settings.uri, settings.secret)
        self._every = settings.every
        self._place = place
        self._waiting = waiting
        self._series = series
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._process = f"{socket.gethostname()}-{time.time_ns():x}"
        self._number = 0
        self._files: dict[Key, _File] = {}  # that are being filled, or put
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Write now: there is enough for a file."""
        self._wake.set()

    def close(self, patience: float) -> None:
        """Write what waits; after `patience` seconds, or when the store fails, it is lost."""
        self._closing.set()
        self._wake.set()
        self._thread.join(patience)
        lost = sum(waiting.lines for waiting in list(self._waiting))
        lost += sum(file.count for file in list(self._files.values()))
        if lost:
            log.error("prediction log: lines that could not be written before the end: %d", lost)

    def _run(self) -> None:
        while True:
            self._wake.wait(self._every)
            self._wake.clear()
            ends = self._closing.is_set()
            # What comes while files are put makes the next ones, or each would have few lines.
            if not self._write(len(self._waiting)) or ends:
                return

    def _write(self, number: int) -> bool:
        """Write so much of what waits. False: there is no time left for a store that fails."""
        while number > 0:
            some = self._some(number)
            number -= len(some)
            for key, group in groupby(some, key=_KEY):
                self._add(self._files.setdefault(key, _File()), group)
            full = [key for key, file in self._files.items() if file.size >= FILE]
            if not all(self._put(key) for key in full):
                return False
        return all(self._put(key) for key in list(self._files))

    def _some(self, most: int) -> list[Waiting]:
        """Take a few, so that a file is not much larger than it should be."""
        some: list[Waiting] = []
        weight = 0
        while len(some) < min(most, _AT_ONCE) and weight < _PIECE:
            some.append(self._waiting.popleft())
            weight += some[-1].weight
        return some

    def _add(self, file: "_File", group: Iterable[Waiting]) -> None:
        """Put what belongs together into a file, in large pieces: for each that is packed this
        thread gives the interpreter to the event loop, and has to wait for it again.
        """
        pieces: list[bytes] = []
        for waiting in group:
            file.weight += waiting.weight
            made = 0
            try:
                for lines, count in lines_of(waiting.what):
                    pieces.append(lines)
                    made += count
                    if len(lines) > _PIECE:
                        file.add(pieces)
            except Exception:  # one that can't be told must not stop all that come after it
                log.exception("prediction log: rows that are not written: %d", waiting.lines - made)
                self._series.dropped(waiting.lines - made)
            file.count += made
        file.add(pieces)

    def _put(self, key: Key) -> bool:
        """Put a file, however long the store is away; False when this process ends meanwhile."""
        file, (kind, day) = self._files[key], key
        self._number += 1
        where = (
            f"{kind}/day={_FIRST_DAY + timedelta(day)}/{self._place.namespace}/{self._place.name}"
        )
        name = f"{where}/{self._process}-{self._number:06d}.jsonl.gz"
        body = file.whole()
        pause = _PAUSES[0]
        while not self._is_put(name, body):
            if self._closing.is_set():
                return False
            self._closing.wait(pause)
            pause = min(2 * pause, _PAUSES[1])
        self._series.written(file.count)
        self.done += file.weight
        del self._files[key]
        return True

    def _is_put(self, name: str, body: bytes) -> bool:
        try:
            self._objects.put(name, body)
        except ModelStoreError as error:
            self._series.failed()
            log.warning("prediction log: a file can't be written: %s", error)
            return False
        return True


class _File:
    """Lines, packed as they come; `size` is theirs before that."""

    def __init__(self) -> None:
        self.weight = self.count = self.size = 0
        self._packer = zlib.compressobj(1, wbits=_GZIP)
        self._packed: list[bytes] = []

    def add(self, pieces: list[bytes]) -> None:
        """Pack lines, and empty the list of them."""
        lines = b"".join(pieces)
        pieces.clear()
        self._packed.append(self._packer.compress(lines))
        self.size += len(lines)

    def whole(self) -> bytes:
        self._packed.append(self._packer.flush())
        return b"".join(self._packed)
