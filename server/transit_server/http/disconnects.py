"""A client that hangs up: whoever works on its answer is cancelled, and what waits is dropped.

Only who has waited for `_PATIENCE` is watched, so that nobody else pays for it: what takes less is
done before it could be dropped. `Endpoint` says what begins and ends.
"""

import asyncio
import time

from transit_server.http.request import HttpRequest

_PATIENCE = 0.05


class Disconnects:
    """Watches the requests of one event loop."""

    def __init__(self) -> None:
        self._answering: dict[HttpRequest, asyncio.Task[object] | None] = {}
        self._listening: dict[HttpRequest, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, request: HttpRequest) -> None:
        """The present task answers it."""
        self._answering[request] = asyncio.current_task()
        if self._timer is None:
            self._look_again()

    def end(self, request: HttpRequest) -> None:
        """There is an answer, or none to be waited for."""
        del self._answering[request]
        if self._listening:
            listening = self._listening.pop(request, None)
            if listening is not None:
                listening.cancel()

    def _look_again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_PATIENCE, self._look)

    def _look(self) -> None:
        """Requests are in the order in which they came; while a body is read, its reader hears."""
        self._timer = None
        oldest = time.perf_counter() - _PATIENCE
        for request in self._answering:
            if request.started > oldest:
                break
            if request.body_is_read and request not in self._listening:
                loop = asyncio.get_running_loop()
                self._listening[request] = loop.create_task(self._listen(request))
        if self._answering:
            self._look_again()

    async def _listen(self, request: HttpRequest) -> None:
        message = await request.receive()
        answering = self._answering.get(request)
        if message["type"] == "http.disconnect" and answering is not None:
            request.gone = True
            answering.cancel()
