"""One model's circuit breaker: after failures in a row, nothing is given to the model for a while.

Closed: everything passes. Open: everything is refused at once. When `open_for` has passed, the next
request is let through as a trial (half-open); its outcome closes the circuit or opens it again.

`inference` asks and tells it, `api.catalog` shows it. It runs on the event loop only, and reads no
clock but the one it is given.
"""

import logging
from collections.abc import Callable
from enum import StrEnum

from transit_server.errors import CircuitOpen

log = logging.getLogger(__name__)


class State(StrEnum):
    """What a breaker lets through: all, nothing, one trial."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Opens after `failures` failures in a row, for `open_for` seconds; never if that is 0."""

    def __init__(
        self,
        name: str,
        failures: int,
        open_for: float,
        clock: Callable[[], float],
        changed: Callable[[State], None] = lambda _: None,
    ) -> None:
        self.state = State.CLOSED
        self.broken = False  # fails on its own probe rows too, see `inference`
        self.open_for = open_for
        self._name = name
        self._failures = failures
        self._clock = clock
        self._changed = changed
        self._in_a_row = 0
        self._opened = 0.0
        self._ticket = 0

    def admit(self) -> int:
        """A ticket for one request, to be given back with its outcome. Raises `CircuitOpen`."""
        if self.state is State.CLOSED:
            return self._ticket
        left = self._opened + self.open_for - self._clock()
        if self.state is State.HALF_OPEN or left > 0:
            raise CircuitOpen(
                f"model {self._name} failed {self._failures} times in a row; it is tried again"
                + (f" in {left:.0f} s" if left >= 1 else " by a request under way or the next"),
                retry_after=left,
            )
        self._become(State.HALF_OPEN)
        return self._ticket

    def succeeded(self, ticket: int) -> None:
        """The model answered. What was admitted before the last change tells nothing new."""
        if ticket != self._ticket:
            return
        self._in_a_row = 0
        if self.state is State.HALF_OPEN:
            self.broken = False
            self._become(State.CLOSED)

    def failed(self, ticket: int) -> bool:
        """The model failed or was too late; whether that opened the circuit."""
        if ticket != self._ticket or not self._failures:
            return False
        self._in_a_row += 1
        if self.state is State.CLOSED and self._in_a_row < self._failures:
            return False
        self._opened = self._clock()
        self._become(State.OPEN)
        return True

    def abandoned(self, ticket: int) -> None:
        """The request ended before the model had it; a trial is for the next one then."""
        if ticket == self._ticket and self.state is State.HALF_OPEN:
            self._become(State.OPEN)

    def _become(self, state: State) -> None:
        log.warning("model %s: circuit %s, was %s", self._name, state, self.state)
        self.state = state
        self._ticket += 1
        self._in_a_row = 0
        self._changed(state)
