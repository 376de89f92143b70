"""The loop: take a key, observe, decide, execute, and say when to look again.

Neighbours: `queue` gives keys; `handlers` fill the queue; `refusals` knows what was refused. Errors
of the API end here: a conflict or an outage is tried again, a refusal is told in the status.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from ...adapters.kubernetes import Conflict, KubernetesError, NotFound, Refused
from ...core.decide import decide
from ...core.decision import Decision
from ...core.observed import Observed, Readings
from ...core.rules.evaluate import next_evaluation
from ..observing.cache import Cache, Key
from ..observing.observe import Due, Observer
from ..telling.metrics import Metrics
from ..writing.execute import Executor
from .queue import WorkQueue
from .refusals import Refusals

log = logging.getLogger(__name__)

BUG = "a bug in Transit; it will be tried again"
CONFLICT_PAUSE = 0.05  # the event that made us too late is on its way


class Reconciler:
    """Workers over one queue."""

    def __init__(
        self,
        queue: WorkQueue,
        observer: Observer,
        executor: Executor,
        cache: Cache,
        metrics: Metrics,
    ) -> None:
        self._queue = queue
        self._observer = observer
        self._executor = executor
        self._cache = cache
        self._metrics = metrics
        self._questions = WorkQueue()  # what falls due by time alone: asked before it is looked at
        self._asking: set[Key] = set()
        self._answers: dict[Key, Readings] = {}
        self._began: dict[Key, float] = {}
        self._turn = asyncio.Lock()  # to take the next key
        self._refusals = Refusals()

    async def work(self) -> None:
        """Work for ever. Several may run: the queue gives a key to one at a time.

        Nobody waits for Prometheus: where an evaluation is due it is asked, and the look goes on
        without; the answer brings another one. So a command, or pods that die, are acted upon at
        once, and two hundred evaluations that are due at one moment delay nothing.
        """
        async with asyncio.TaskGroup() as asking:
            asking.create_task(self._ask_in_time(asking))
            while True:
                key = await self._next()
                if (due := self._to_ask(key)) is not None:
                    asking.create_task(self._ask(key, due))
                await self._worked(key, self._timed(key, self._answers.pop(key, None)))

    async def _next(self) -> Key:
        """Wait for a key, after whatever has come in meanwhile has been heard.

        A look is all computing until it writes. Without this pause a worker would go through
        everything that is due before the event loop reads what has arrived; with one for each
        worker at a time, as many looks as there are workers would lie between two readings, and an
        event or an answer needs a dozen of those to get through.
        """
        async with self._turn:
            await asyncio.sleep(0)
            return await self._queue.get()

    async def _ask_in_time(self, asking: asyncio.TaskGroup) -> None:
        """Ask for what falls due while nothing else happens: the answer is the cause to look.

        All that is due at one moment is asked for at one moment, so that it shares its queries.
        """
        while True:
            questions: list[tuple[Key, Due]] = []
            for key in await self._questions.get_all():
                self._questions.done(key)
                if (due := self._to_ask(key)) is not None:
                    questions.append((key, due))
                elif key not in self._asking and key not in self._answers:
                    self._queue.add(key)
                await asyncio.sleep(0)  # to know what is due costs a part of a look
            for key, due in questions:
                asking.create_task(self._ask(key, due))

    def _to_ask(self, key: Key) -> Due | None:
        """Return what Prometheus is to be asked now, unless it is asked or has answered already.

        Whoever gets it must ask.
        """
        if key in self._asking or key in self._answers:
            return None
        try:
            due = self._observer.due(key)
        except Exception:  # the look will meet the same, and tell of it
            return None
        if due is not None:
            self._asking.add(key)
        return due

    def _again(self, key: Key, o: Observed, decision: Decision) -> None:
        """Come back when the decision says: with a question, where only an evaluation is due."""
        if decision.wake_at is None:
            return
        due = next_evaluation(o.spec, decision.status, o.now) if o.spec is not None else None
        only = due is not None and due <= decision.wake_at and not o.asking
        (self._questions if only else self._queue).add(key, decision.wake_at)

    async def _ask(self, key: Key, due: Due) -> None:
        try:
            readings = await self._observer.readings(key, due)
            if readings is not None:
                self._answers[key] = readings
        except Exception:
            self._failed("Bug")
            log.exception(BUG, extra={"resource": "/".join(key)})
            self._queue.failed(key)
        else:
            self._queue.add(key)
        finally:
            self._asking.discard(key)

    def running(self) -> list[float]:
        """Return for how many seconds each of the present looks has been running."""
        now = time.monotonic()
        return [now - began for began in self._began.values()]

    async def _worked(self, key: Key, look: Coroutine[Any, Any, None]) -> None:
        """Do it; whatever goes wrong with one ModelDeployment must not stop the others."""
        try:
            await look
        except Conflict:
            self._failed("Conflict")
            self._queue.add(key, time.time() + CONFLICT_PAUSE)
        except KubernetesError as error:
            self._failed("Refused" if isinstance(error, Refused) else type(error).__name__)
            log.warning("will be tried again: %s", error, extra={"resource": "/".join(key)})
            self._queue.failed(key, error.retry_after)
        except asyncio.CancelledError:
            raise
        except Exception:
            self._failed("Bug")
            log.exception(BUG, extra={"resource": "/".join(key)})
            self._queue.failed(key)
        else:
            self._queue.succeeded(key)
        finally:
            self._queue.done(key)

    async def _timed(self, key: Key, readings: Readings | None) -> None:
        self._began[key] = time.monotonic()
        try:
            await self.reconcile(key, readings)
        finally:
            took = time.monotonic() - self._began.pop(key)
            self._metrics.reconcile_seconds.observe(took)

    def _failed(self, kind: str) -> None:
        self._metrics.reconcile_errors.labels(kind).inc()

    async def reconcile(self, key: Key, readings: Readings | None) -> None:
        """Observe, decide and execute once.

        Raises:
            KubernetesError: something could not be written; look again later.
        """
        snapshot = self._observer.look(key, readings, key in self._asking)
        if snapshot is None:
            self._queue.prefer(key, False)
            self._refusals.forget(key)
            return
        seen = snapshot.observed
        refused = self._refusals.last(key, seen)
        if refused is not None:
            # Said until it is over, or the status would change with each try.
            snapshot = replace(snapshot, observed=replace(seen, problem=refused))
        decision = decide(snapshot.observed)
        status = decision.status
        self._queue.prefer(key, status.candidate is not None or status.retreat is not None)
        try:
            await self._executor.execute(snapshot, decision)
        except (Refused, NotFound) as error:
            self._refusals.refused(key, seen, str(error))
            if refused is None:  # what is refused in other words is said at the next try
                self._queue.add(key)  # once more at once, to say it in the status
            raise
        finally:
            self._metrics.warned(snapshot.mdep, self._cache.mdep(key))
            # Also after a failure: a candidate is judged in time, though one object is refused.
            self._again(key, snapshot.observed, decision)
        if self._refusals.went_well(key, seen):
            self._queue.add(key)
