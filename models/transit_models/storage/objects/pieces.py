"""A large file in pieces: a few are fetched ahead of who takes them, whoever fetches them.

Neighbours: `objects` fetches them of buckets, `storage.oci.source` of registries.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

PARALLEL = 4  # files at once, and pieces of a file
PIECE = 4 * 1024 * 1024


def in_order(
    piece: Callable[[int, int], memoryview], start: int, size: int
) -> Iterator[memoryview]:
    """What `piece` brings of each part (from, to the byte before) between `start` and `size`."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        ahead: deque[Future[memoryview]] = deque()
        try:
            for at in range(start, size, PIECE):
                ahead.append(pool.submit(piece, at, min(at + PIECE, size)))
                if len(ahead) == PARALLEL:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
