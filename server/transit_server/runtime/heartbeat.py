"""Whether the event loop of the requests moves, told to the probes' thread."""

import asyncio
import contextlib
import time
from collections.abc import Callable

_EVERY = 0.25


class Heartbeat:
    """Begins to beat when the loop does; a loop that never comes up is late, too."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def beat(self) -> None:
        """Until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._last = time.monotonic()
            await asyncio.sleep(_EVERY)

    @property
    def late(self) -> float:
        """Seconds since the loop was last seen to move, less those between two beats."""
        return max(0.0, time.monotonic() - self._last - _EVERY)

    def soon(self, call: Callable[[], None]) -> None:
        """Have the loop make this call; nothing happens if it is not there any more."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it is closed
                self._loop.call_soon_threadsafe(call)
