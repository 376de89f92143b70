"""One at a time, by a lock on a file: whoever is killed has given it back, and no wait is endless.

Neighbours: `cache` has such locks, one for the versions of which one is fetched, one for its room.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSE = 0.1


@contextmanager
def turn(lock: Path, wait: float = 0.0, over: Callable[[], bool] = lambda: False) -> Iterator[bool]:
    """Whether it is ours, for as long as the block runs.

    It is not after `wait` seconds, nor when `over` says that nobody has to do it any more. Raises
    `OSError` where the file can't be written or the file system has no locks.
    """
    opened = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        yield _ours(opened, time.monotonic() + wait, over)
    finally:
        os.close(opened)


def _ours(opened: int, give_up: float, over: Callable[[], bool]) -> bool:
    while True:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if over() or time.monotonic() >= give_up:
                return False
            time.sleep(_PAUSE)
        else:
            return True
