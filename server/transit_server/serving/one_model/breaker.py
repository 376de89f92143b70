"""One model's circuit breaker: a model that fails on its own probe rows is given nothing else.

Requests that fail in a row are a reason to ask the probes, nothing more: they may all be one
client's, with rows that no model could answer. Only if the probes fail as well does the circuit
open; it closes when one of them is answered. So what a client sends never opens it.

`trials` asks the probes, `registry` says by it whether a model is ready.
"""

import logging
from collections.abc import Callable
from enum import StrEnum

from transit_server.errors import CircuitOpen

log = logging.getLogger(__name__)


class State(StrEnum):
    """What a breaker lets through: all, or nothing."""

    CLOSED = "closed"
    OPEN = "open"


class Breaker:
    """Asks for the probes after `failures` failures in a row; never if that is 0. While it is open,
    they are asked again every `probe_every` seconds.
    """

    def __init__(
        self,
        name: str,
        failures: int,
        probe_every: float,
        changed: Callable[[State], None] = lambda _: None,
    ) -> None:
        self.state = State.CLOSED
        self.probe_every = probe_every
        self._name = name
        self._failures = failures
        self._changed = changed
        self._in_a_row = 0

    def admit(self) -> None:
        """Raises `CircuitOpen`."""
        if self.state is State.OPEN:
            raise CircuitOpen(
                f"model {self._name} fails on its own probe rows; it is tried again every "
                f"{self.probe_every:g} s",
                retry_after=self.probe_every,
            )

    def succeeded(self) -> None:
        """The model answered a request."""
        self._in_a_row = 0

    def failed(self) -> bool:
        """The model failed, or was too late; whether it is time to ask the probes."""
        self._in_a_row += 1
        return self._enough

    @property
    def _enough(self) -> bool:
        return bool(self._failures) and self._in_a_row >= self._failures

    def probed(self, answered: bool) -> None:
        """The probes were asked, and one was `answered` or none. Before there were enough failures
        in a row, none is no reason yet.
        """
        if not (answered or self._enough or self.state is State.OPEN):
            return
        self._in_a_row = 0
        state = State.CLOSED if answered else State.OPEN
        if not answered:
            log.error("model %s fails on its own probe rows: not ready", self._name)
        if state is not self.state:
            log.warning("model %s: circuit %s, was %s", self._name, state, self.state)
            self.state = state
            self._changed(state)
