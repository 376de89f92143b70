"""Messages for people, by Apprise: Slack, Teams, mail, PagerDuty, plain webhooks and many more.

Apprise blocks, and what it waits for can't be stopped from outside. So each try has a thread, of
which a receiver has one at a time, and which the end of the process doesn't wait for. Whatever
Apprise, and what it uses, logs there may have the URL in it; `logs` writes nothing of such threads.
Neighbours: `delivery` sends by it; `sending` has the rules for URLs.
"""

import asyncio
import contextlib
import re
import threading
from pathlib import Path

from ..logs import UNHEARD
from .harmless import harmless
from .messages import Message
from .sending import TRY_SECONDS, Undelivered, read_url

_ANSWER = re.compile(r"error=(\d{3})\b")


class AppriseSender:
    """Sends to one URL of Apprise."""

    def __init__(self, file: Path, try_seconds: float = TRY_SECONDS) -> None:
        self._file = file
        self._try_seconds = try_seconds
        self._trying: tuple[str, asyncio.Future[str]] | None = None

    async def send(self, message: Message) -> None:
        """Send it, or wait for the try that has not come back. Raises: Undelivered."""
        if self._trying is None:
            self._trying = message.id, self._begin(message)
        tried, ended = self._trying
        await asyncio.wait({ended}, timeout=self._try_seconds)
        if not ended.done():
            raise Undelivered(f"no answer in {self._try_seconds:.0f} s")
        self._trying = None
        if tried != message.id:  # that one was given up meanwhile
            await self.send(message)
        elif why := ended.result():
            raise Undelivered(why)

    def _begin(self, message: Message) -> asyncio.Future[str]:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[str] = loop.create_future()

        def run() -> None:
            why = self._try(message)
            with contextlib.suppress(RuntimeError):  # the loop, and all that waited, is gone
                loop.call_soon_threadsafe(ended.set_result, why)

        threading.Thread(target=run, name=f"{UNHEARD}{self._file.name}", daemon=True).start()
        return ended

    def _try(self, message: Message) -> str:
        """Send it; return why it was not taken, without a word of the URL."""
        try:
            return _send(read_url(self._file), self._file, message)
        except Undelivered as error:
            return str(error)
        except Exception as error:
            return f"a bug in Transit or Apprise: {type(error).__name__}"


def _send(url: str, file: Path, message: Message) -> str:
    # Imported here: it takes 20 MB and a moment, which nobody without such a receiver has to spend.
    from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

    # In this thread, at once and one after the other; who follows a redirect may post to nobody.
    asset = AppriseAsset(
        app_id="Transit",
        app_desc="Transit",
        async_mode=False,
        service_timeout=0,
        http_redirects=False,
    )
    service = Apprise(asset=asset)
    if not service.add(url) or len(service) != 1:
        return f"{file} does not have one URL that Apprise {_version()} knows"
    result = service.notify(
        title=harmless(message.title),
        body=harmless(message.text),
        notify_type=NotifyType(message.tone),
        body_format=NotifyFormat.TEXT,
    )
    if result:
        return ""
    said = " ".join(entry.message for one in result.results for entry in one.logs())
    answer = _ANSWER.search(said)
    return f"it answered {answer[1]}" if answer else "it was not reached, or did not take it"


def _version() -> str:
    from apprise import __version__

    return str(__version__)
