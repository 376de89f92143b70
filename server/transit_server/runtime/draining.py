"""How the process ends.

SIGTERM makes the server say at once that it isn't ready, and go on serving for `drain_delay`,
because a pod gets requests until every router has heard that its endpoint is gone. Then the
listener closes, requests under way are finished, and the process ends with 0.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from types import FrameType

import uvicorn

from transit_server.runtime.lifecycle import Lifecycle

log = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """A uvicorn server that drains, see above."""

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, drain_delay: float) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._drain_delay = drain_delay

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn's own would end the process by the signal, with 143 instead of 0, and up to 0.1 s
        later.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, a second interrupt (Ctrl+C) ends at once."""
        if self._lifecycle.draining:
            if sig == signal.SIGINT:
                self.should_exit = self.force_exit = True
            return
        self._lifecycle.draining = True
        delay = 0.0 if sig == signal.SIGINT else self._drain_delay
        log.info(
            "%s: draining, new requests are served for %g s more", signal.Signals(sig).name, delay
        )
        asyncio.get_running_loop().call_later(delay, self.stop)

    def stop(self) -> None:
        """Close the listener, finish what is under way, end."""
        self.should_exit = True
