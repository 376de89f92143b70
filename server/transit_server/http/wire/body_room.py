"""How much memory bodies take, whose they are, and how fast one comes: `body_limits` decides by it
which bodies are read and which are given up.
"""

import math
import time
from collections.abc import Callable

from transit_server.errors import Overloaded

PATIENCE = 1.0  # seconds; a small body of a client that sends it is there in a hundredth


class Room:
    """Bytes that may be held at a time, and `share` of them by one client that has a name."""

    def __init__(self, size: int, share: int) -> None:
        self.size = size
        self._share = share
        self._held = 0
        self._by_client: dict[str, int] = {}

    def lacks(self, size: int) -> bool:
        """Whether there is no room for so many more."""
        return self._held + size > self.size

    def check_share(self, size: int, client: str) -> None:
        """Raises `Overloaded` where a client would have more than its share."""
        own = self._by_client.get(client, 0)
        if client and own + size > self._share:
            raise Overloaded(f"this API key's bodies take {own} of its {self._share} bytes")

    def take(self, size: int, client: str) -> None:
        """Raises `Overloaded`."""
        if self.lacks(size):
            raise Overloaded(f"the bodies of other requests take {self._held} of {self.size} bytes")
        self.put(size, client)

    def put(self, size: int, client: str) -> None:
        """What was held elsewhere, and may be held in any case."""
        self._held += size
        if client:
            self._by_client[client] = self._by_client.get(client, 0) + size

    def give_back(self, size: int, client: str) -> None:
        """What a client doesn't hold any more."""
        self.put(-size, client)


class Progress:
    """How a large body comes, and what gives it up."""

    def __init__(self, started: float, give_up: Callable[[], None]) -> None:
        self.give_up = give_up
        self._since = self._last = started
        self._held = 0
        self._rate = math.inf

    def note(self, held: int) -> None:
        """A piece has come; so many bytes are here."""
        now = self._last = time.perf_counter()
        if now - self._since >= PATIENCE:
            self._rate = (held - self._held) / (now - self._since)
            self._since, self._held = now, held

    def rate(self, now: float) -> float:
        """Bytes a second, of the last second or two; infinite in the first, and 0 when nothing came
        for a second.
        """
        return 0.0 if now - self._last >= PATIENCE else self._rate
