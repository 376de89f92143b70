"""A thread of its own for each model, so that one which hangs stops neither the event loop nor
another model; and how what it makes comes back to the loop.

The thread has a price. While it and the loop both have work, they compete for the interpreter: each
time the loop lets go of it, to read from a socket or for a large NumPy operation, the waiting
thread is woken, in vain, and a wake-up costs more than decoding a row. So the loop can be told to
stand still for a bounded time: then a quick model has the interpreter to itself.

`batching` decides what a thread is given, and when to stand still.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


class ModelThread(Generic[Given, Made]):
    """Calls `work`, which must not raise, with one thing at a time."""

    def __init__(
        self, name: str, work: Callable[[Given], Made], later: Callable[[Made], None]
    ) -> None:
        self._work = work
        self._later = later
        self._loop: asyncio.AbstractEventLoop | None = None
        self._inbox: SimpleQueue[Given | None] = SimpleQueue()
        self._outbox: SimpleQueue[Made] = SimpleQueue()
        self._awaited = False
        # A daemon, so that a model which never returns can't keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"model-{name}", daemon=True)
        self._thread.start()

    def give(self, given: Given, patience: float) -> Made | None:
        """Work on `given`: what comes of it if it is made within `patience` seconds, for which the
        event loop stands still. Else None, and `later` is called with it, on the event loop.
        """
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        self._awaited = patience > 0
        self._inbox.put(given)
        if not self._awaited:
            return None
        try:
            return self._outbox.get(timeout=patience)
        except Empty:
            self._awaited = False
        return self._made()  # in case the thread was done just before it could see that

    def close(self) -> None:
        """End the thread after what it works on."""
        self._inbox.put(None)

    def _run(self) -> None:
        while (given := self._inbox.get()) is not None:
            self._outbox.put(self._work(given))
            if self._awaited:
                continue
            assert self._loop is not None
            try:
                self._loop.call_soon_threadsafe(self._collect)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more

    def _collect(self) -> None:
        made = self._made()
        if made is not None:
            self._later(made)

    def _made(self) -> Made | None:
        try:
            return self._outbox.get_nowait()
        except Empty:
            return None  # `give` has returned it
