"""The process of one worker: `python -m transit_server.workers.worker INDEX FOLDER PIPE`.

Started by `supervisor` only, which has read the same settings before. It listens on the server's
port beside the other workers; the kernel deals connections out. Once a second it writes to the
supervisor's pipe from the event loop, so that a loop that stands still is seen.
"""

import asyncio
import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from transit_server.last_words import LastWords
from transit_server.metrics import Metrics
from transit_server.process import finish, serve
from transit_server.settings import Settings
from transit_server.workers.contract import BEAT, SHOW_STACKS, listener, words_of
from transit_server.workers.siblings import Siblings


class Worker(Siblings):
    """This process among its siblings, and under its supervisor."""

    def __init__(self, settings: Settings, index: int, folder: Path, pipe: int) -> None:
        super().__init__(folder, index, settings.workers)
        self._pipe = pipe
        self._beating: asyncio.Task[None] | None = None
        os.set_inheritable(pipe, False)
        os.set_blocking(pipe, False)

    async def open(self, not_ready_because: Callable[[], str | None], metrics: Metrics) -> None:
        """Begin to answer the others, and to tell the supervisor that the event loop runs."""
        await super().open(not_ready_because, metrics)
        self._beating = asyncio.create_task(self._beat())  # to the end of the process

    async def _beat(self) -> None:
        while True:
            try:
                os.write(self._pipe, b".")
            except BlockingIOError:
                pass  # the supervisor is late, and there is enough in the pipe to read
            except BrokenPipeError:
                os.kill(os.getpid(), signal.SIGTERM)  # it is gone: drain, as it would have said
                return
            await asyncio.sleep(BEAT)


def main() -> None:
    """Serve as the supervisor says; ends the process."""
    faulthandler.register(SHOW_STACKS, all_threads=True)
    index, folder, pipe = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    words = words_of(folder, index)
    try:
        settings = Settings.from_environment(os.environ)
    except ValueError as error:  # a keys file that has changed since the supervisor read it
        LastWords(words).say(f"transit-server: {error}")
        sys.exit(2)
    settings = settings.model_copy(update={"termination_log": words})
    worker = Worker(settings, index, folder, pipe)
    finish(serve(settings, worker, [listener(settings.host, settings.port)]))


if __name__ == "__main__":
    main()
