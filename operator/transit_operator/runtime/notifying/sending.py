"""One way to a receiver: what `delivery` needs of it. Neighbours: `by_apprise`, `cloud_events`.

A URL has secrets in it: a token, a password. It is read from its file for each try, so that a
rotated one counts at once, and is in no text: neither in logs, nor in metrics, nor in errors.
"""

from pathlib import Path
from typing import Protocol

from .messages import Message

TRY_SECONDS = 30.0  # for one try


class Undelivered(Exception):
    """A receiver did not take a message. Its text is logged, so nothing secret is in it.

    `for_good`: the receiver has said that it will never take this one.
    """

    def __init__(self, why: str, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


class Sender(Protocol):
    """Sends to one receiver."""

    async def send(self, message: Message) -> None:
        """Return when the receiver has taken it. Raises: Undelivered."""
        ...


def read_url(file: Path) -> str:
    """Return the URL in a file. Raises: Undelivered."""
    try:
        url = file.read_text().strip()
    except OSError as error:
        raise Undelivered(f"{file} can't be read: {error.strerror}") from None
    except UnicodeError:
        raise Undelivered(f"{file} can't be read: not UTF-8") from None
    if not url:
        raise Undelivered(f"{file} is empty: it must have one URL")
    return url
