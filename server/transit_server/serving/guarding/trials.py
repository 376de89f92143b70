"""Whose fault it is that a model fails: the model's own probes say.

After a failure the model is given the rows that it answered at the start, before all others. If it
answers one it works, and the rows that it failed on since the last such trial are at fault: their
requests are counted as `input_error`, whoever sends them and however often. Else they are errors.

A trial is work that others wait for, so they take a twentieth of the model's time at most: what
fails meanwhile waits for the next one, as a number. That is soon, since a bad version is caught by
these counts; no client waits for it. `inference` tells of failures, `breaker` hears the answer.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from transit_server.serving.one_model.breaker import State
from transit_server.serving.registry import ServedModel

_EVERY = 0.1  # seconds from the end of one trial to the next, at least
_PAUSE = 20  # and so many times what the last one took, if it was answered
_LOG_EVERY = 1.0  # seconds

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Doubt:
    """What one model failed on since its last trial, and when the next one may be."""

    requests: float = 0.0
    rows: int = 0
    not_before: float = 0.0  # by `time.monotonic()`
    trial: "asyncio.Task[None] | None" = None

    def take(self) -> tuple[float, int]:
        taken = self.requests, self.rows
        self.requests, self.rows = 0.0, 0
        return taken


class Trials:
    """Of all models. `answers` gives a model its probes: whether it has answered one."""

    def __init__(self, answers: Callable[[ServedModel], Awaitable[bool]]) -> None:
        self._answers = answers
        self._doubts: dict[ServedModel, _Doubt] = {}
        self._logged = float("-inf")

    def failed_on(self, model: ServedModel, requests: float, rows: int) -> None:
        """Rows failed that may be at fault; count their share of a request once that is known."""
        doubt = self._doubts.setdefault(model, _Doubt())
        doubt.requests += requests
        doubt.rows += rows
        self.begin(model)

    def begin(self, model: ServedModel) -> None:
        """Try the model, as soon as it may be."""
        doubt = self._doubts.setdefault(model, _Doubt())
        if doubt.trial is None:
            doubt.trial = asyncio.get_running_loop().create_task(self._try(model, doubt))

    async def _try(self, model: ServedModel, doubt: _Doubt) -> None:
        """Until the model has answered a probe, or need not, and nothing is left to be counted."""
        try:
            while True:
                await asyncio.sleep(doubt.not_before - time.monotonic())
                await self._once(model, doubt)
                if model.breaker.state is State.CLOSED and not doubt.rows:
                    return
        finally:
            doubt.trial = None

    async def _once(self, model: ServedModel, doubt: _Doubt) -> None:
        requests, rows = doubt.take()
        start = time.monotonic()
        answered = await self._answers(model)
        end = time.monotonic()
        if answered:
            model.metrics.requests.failed_by_input(requests, rows)
            if end - self._logged > _LOG_EVERY:
                self._logged = end
                log.warning("model %s answers its probe rows: the requests are at fault", model.id)
        else:
            model.metrics.requests.failed(requests, rows)
        model.breaker.probed(answered)
        if model.breaker.state is State.OPEN:
            pause = model.breaker.probe_every
        else:
            pause = max(_EVERY, _PAUSE * (end - start)) if answered else _EVERY
        doubt.not_before = end + pause
