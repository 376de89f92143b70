"""Who may ask, and how often: API keys and rates, checked before a body is read.

`Endpoint` calls `Gate.admit` for every route but health and metrics, and only when keys or a rate
are configured. A request is charged one row then, and the others once it is known how many there
are.
"""

import time
from collections.abc import Callable

from transit_models.counting import counted, noun
from transit_server.errors import RateLimited, Unauthorized
from transit_server.http.access.api_keys import Keys
from transit_server.observability.metrics import Metrics

_ANYBODY = ""
_BEARER = b"bearer "


class TokenBucket:
    """`rate` rows a second, `burst` at once after a pause."""

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled = now

    def take(self, now: float, rows: int = 1) -> float:
        """0 if so many may pass, else the seconds until they may."""
        grown = self._tokens + (now - self._filled) * self._rate
        self._tokens = min(self._burst, grown)
        self._filled = now
        if self._tokens >= rows:
            self._tokens -= rows
            return 0.0
        return (rows - self._tokens) / self._rate


class Gate:
    """Lets requests through by key and rate; a rate of 0 is none. Without keys, all requests share
    one bucket.
    """

    def __init__(
        self,
        keys: Keys | None,
        rate: float,
        burst: int,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._rate = rate
        self._burst = burst
        self._metrics = metrics
        self._clock = clock
        self._buckets: dict[str, TokenBucket] = {}

    def admit(self, headers: list[tuple[bytes, bytes]]) -> str:
        """The name of the client's key, empty without keys. Raises `Unauthorized`,
        `RateLimited`.
        """
        client = _ANYBODY if self._keys is None else self._client(self._keys, headers)
        if self._rate:
            self._take(client, 1)
        return client

    def charge(self, client: str, rows: int) -> None:
        """An admitted request has so many rows, of which one was charged. Raises `RateLimited`."""
        if not self._rate or rows == 1:
            return
        if rows > self._burst:
            self._metrics.refused("rate_limited", client)
            raise RateLimited(
                f"a request may have {counted(self._burst, 'row')} at most, this one has {rows}: "
                "send it in parts (TRANSIT_RATE_BURST sets the limit)",
                retry_after=self._burst / self._rate,
            )
        self._take(client, rows - 1)

    def _take(self, client: str, rows: int) -> None:
        now = self._clock()
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = self._buckets[client] = TokenBucket(self._rate, self._burst, now)
        wait = bucket.take(now, rows)
        if wait:
            self._metrics.refused("rate_limited", client)
            raise RateLimited(
                f"more than {self._rate:g} {noun(self._rate, 'row')} a second", retry_after=wait
            )

    def _client(self, keys: Keys, headers: list[tuple[bytes, bytes]]) -> str:
        presented = _presented(headers)
        client = None if presented is None else keys.name_of(presented)
        if client is None:
            self._metrics.refused("unauthorized", "")
            raise Unauthorized(
                "needs an API key, in the header X-API-Key or as Authorization: Bearer KEY"
                if presented is None
                else "the API key is not known here"
            )
        return client


def _presented(headers: list[tuple[bytes, bytes]]) -> bytes | None:
    for name, value in headers:
        if name == b"x-api-key":
            return value
        if name == b"authorization" and value[:7].lower() == _BEARER:
            return value[7:].strip()
    return None
