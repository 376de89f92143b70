"""Work on what is large, without keeping the event loop from answering others, liveness first.

A thread is not enough: with a body of 30 MB another thread waited for up to 128 ms; with pauses,
for 5. Most likely, since NumPy lets go of the interpreter for a moment at each larger operation:
who waits is woken, finds it taken again, and never comes to the point at which it would insist.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import ParamSpec, TypeVar

import msgspec

from transit_server.runtime.worker_threads import WorkerThreads

T = TypeVar("T")
P = ParamSpec("P")
Text = TypeVar("Text", bytes, msgspec.Raw, bytes | msgspec.Raw)

SMALL = 64 * 1024
LONG = 2**20  # bytes that are parsed in a millisecond
# Few, so that decoding never takes more than its part of the processors, nor of memory at once. One
# for each kind, so that no image waits behind batches of somebody else.
_DECODER = WorkerThreads(1, "decoding")
_LONG_DECODER = WorkerThreads(1, "decoding-long")
_WORK = 0.002  # seconds between two pauses
_PAUSE = 0.00005
_LONGEST_REST = 0.1
_ROW_OF_ANSWER = 256  # bytes, with a token for feedback


async def by_size(size: int, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`read(...)`, which takes longer for a larger `size`; for a large one on another thread."""
    if size <= SMALL:
        return read(*args, **kwargs)
    decoder = _DECODER if size <= LONG else _LONG_DECODER
    return await decoder.run(partial(read, *args, **kwargs))


def size_of_answer(body: bytes, rows: int) -> int:
    """For `by_size`: an answer may be many times larger than its request."""
    return max(len(body), _ROW_OF_ANSWER * rows)


def with_pauses(pieces: Iterable[T]) -> Iterator[T]:
    """`pieces`, and between two of them a pause after each `_WORK`."""
    since = time.monotonic()
    for piece in pieces:
        yield piece
        if time.monotonic() - since > _WORK:
            time.sleep(_PAUSE)
            since = time.monotonic()


def in_one_call(parse: Callable[[Text], T], text: Text) -> T:
    """`parse(text)`, where that can't be done in pieces: it holds the interpreter for about a
    millisecond per megabyte. Then others have it for as long.
    """
    if len(memoryview(text)) <= LONG:
        return parse(text)
    began = time.thread_time()
    try:
        return parse(text)
    finally:
        time.sleep(min(time.thread_time() - began, _LONGEST_REST))
