"""Work on what is large, without keeping the event loop from answering others, liveness first.

A thread is not enough: with a body of 30 MB another thread waited for up to 128 ms; with pauses,
for 5. Most likely, since NumPy lets go of the interpreter for a moment at each larger operation:
who waits is woken, finds it taken again, and never comes to the point at which it would insist.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import ParamSpec, TypeVar

from transit_server.runtime.worker_threads import WorkerThreads

T = TypeVar("T")
P = ParamSpec("P")

SMALL = 64 * 1024
# Few, so that decoding never takes more than its part of the processors, nor of memory at once.
_DECODERS = WorkerThreads(2, "decoding")
_WORK = 0.002  # seconds between two pauses
_PAUSE = 0.00005


async def by_size(body: bytes, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`read(...)`, which takes longer with a larger `body`; with a large one on another thread."""
    if len(body) > SMALL:
        return await _DECODERS.run(partial(read, *args, **kwargs))
    return read(*args, **kwargs)


def with_pauses(pieces: Iterable[T]) -> Iterator[T]:
    """`pieces`, and between two of them a pause after each `_WORK`."""
    since = time.monotonic()
    for piece in pieces:
        yield piece
        if time.monotonic() - since > _WORK:
            time.sleep(_PAUSE)
            since = time.monotonic()
