"""Workers go on while Prometheus is asked, and whatever goes wrong with one harms no other."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from tests.unit.world import wanted
from transit_operator.api.analysis import Analysis
from transit_operator.api.spec import ModelDeploymentSpec
from transit_operator.core.decision import Decision
from transit_operator.core.observed import Readings
from transit_operator.runtime.loop.queue import WorkQueue
from transit_operator.runtime.loop.reconcile import Reconciler
from transit_operator.runtime.observing.cache import Cache, Key
from transit_operator.runtime.observing.observe import Due, Observer, Snapshot
from transit_operator.runtime.telling.metrics import Metrics

ROLLING, SETTLED = ("ml", "rolling"), ("ml", "settled")


def spec() -> dict[str, Any]:
    return {
        "models": [{"name": "forest", "version": "1.0.0"}],
        "storage": {"uri": "s3://models"},
        "rollout": {"analysis": {"interval": "1s", "window": "2s"}},
    }


CANDIDATE = wanted(ModelDeploymentSpec.model_validate(spec()))


class Slow:
    """A Prometheus that answers when it is told to (`Measures`)."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()
        self.times = 0
        self._failure = failure

    async def readings(
        self, analysis: Analysis, model_deployment: str, candidate: str, stable: str
    ) -> Readings:
        self.asked.set()
        self.times += 1
        await self.answers.wait()
        if self._failure is not None:
            raise self._failure
        return Readings()


class Notes:
    """Writes nothing, and notes whose decision came when (in place of `Executor`)."""

    def __init__(self) -> None:
        self.seen: asyncio.Queue[Key] = asyncio.Queue()

    async def execute(self, snapshot: Snapshot, decision: Decision) -> None:
        self.seen.put_nowait((snapshot.owner.namespace, snapshot.owner.name))


def mdep(key: Key, status: dict[str, Any]) -> dict[str, Any]:
    namespace, name = key
    return {
        "kind": "ModelDeployment",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": name,
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": spec(),
        "status": status,
    }


def under_way() -> dict[str, Any]:
    begun = "2026-01-01T00:00:00.000Z"
    candidate = {
        "revision": CANDIDATE.revision,
        "models": [model.model_dump() for model in CANDIDATE.models],
        "step": 1,
        "weight": 10,
        "startedAt": begun,
        "stepAt": begun,
    }
    return {"phase": "Progressing", "stable": {"revision": "a"}, "candidate": candidate}


def story(
    prometheus: Callable[[], Slow], tell: Callable[[WorkQueue, Slow, Notes], Awaitable[None]]
) -> None:
    """Run one worker on two ModelDeployments: one with an evaluation due, one settled."""

    async def run() -> None:
        slow, notes, queue, cache = prometheus(), Notes(), WorkQueue(), Cache()
        cache.put(mdep(ROLLING, under_way()))
        cache.put(mdep(SETTLED, {}))
        observer = Observer(cache, slow)
        worker = Reconciler(queue, observer, notes, cache, Metrics())  # type: ignore[arg-type]
        task = asyncio.create_task(worker.work())
        try:
            async with asyncio.timeout(5):
                await tell(queue, slow, notes)
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def test_a_slow_prometheus_delays_nobody_else() -> None:
    async def tell(queue: WorkQueue, slow: Slow, notes: Notes) -> None:
        queue.add(ROLLING)
        await slow.asked.wait()
        assert await notes.seen.get() == ROLLING, "looked at without readings"
        queue.add(SETTLED)
        assert await notes.seen.get() == SETTLED
        slow.answers.set()
        assert await notes.seen.get() == ROLLING, "and again with them"

    story(Slow, tell)


def test_a_command_never_waits_for_prometheus() -> None:
    """Nor does the safety net: whatever happens meanwhile is looked at, and asked for once."""

    async def tell(queue: WorkQueue, slow: Slow, notes: Notes) -> None:
        queue.add(ROLLING)
        await slow.asked.wait()
        assert await notes.seen.get() == ROLLING
        for _ in range(3):
            queue.add(ROLLING)  # as an event does
            assert await notes.seen.get() == ROLLING
        assert slow.times == 1
        assert notes.seen.empty(), "no look follows another without a cause"

    story(Slow, tell)


def test_what_falls_due_by_time_alone_is_looked_at_once_with_the_answer() -> None:
    """Two hundred evaluations at one moment must not be four hundred looks."""

    async def tell(queue: WorkQueue, slow: Slow, notes: Notes) -> None:
        slow.answers.set()
        queue.add(ROLLING)
        assert await notes.seen.get() == ROLLING, "without readings, as an event brings it"
        for times in (1, 2, 3):  # a second apart
            assert await notes.seen.get() == ROLLING, "with the answer"
            assert slow.times >= times, "no look was without a question of its own"

    story(Slow, tell)


def test_a_failure_while_asking_ends_no_worker() -> None:
    async def tell(queue: WorkQueue, slow: Slow, notes: Notes) -> None:
        slow.answers.set()
        queue.add(ROLLING)
        await slow.asked.wait()
        assert await notes.seen.get() == ROLLING
        queue.add(SETTLED)
        assert await notes.seen.get() == SETTLED

    story(lambda: Slow(ValueError("a bug")), tell)


def test_what_was_measured_of_another_candidate_is_not_held_against_this_one() -> None:
    """While Prometheus is asked, a newer spec may have replaced the candidate."""
    cache = Cache()
    cache.put(mdep(ROLLING, under_way()))
    observer = Observer(cache, Slow())
    for of, used in (
        ((CANDIDATE.revision, "a"), True),
        (("older", "a"), False),
        ((CANDIDATE.revision, "older"), False),
    ):
        snapshot = observer.look(ROLLING, Readings(of=of))
        assert snapshot is not None
        assert (snapshot.observed.readings is not None) is used


MANY = [("ml", f"m{number}") for number in range(20)]
WORKERS = 4


class Turns:
    """Counts the turns of the event loop. In each one it reads what has arrived from outside."""

    def __init__(self) -> None:
        self.now = 0

    async def count(self) -> None:
        while True:
            self.now += 1
            await asyncio.sleep(0)


class Crowd:
    """Some workers on many; turn → looks, questions that were read, and asked."""

    def __init__(self, status: dict[str, Any]) -> None:
        self.looks, self.read, self.asked = Counter[int](), Counter[int](), Counter[int]()
        self._status = status
        self._turns = Turns()
        self._changed = asyncio.Event()

    def run(self, until: Callable[[], bool]) -> None:
        """Have all of them looked at, and work until something is so."""
        asyncio.run(self._run(until))

    async def _run(self, until: Callable[[], bool]) -> None:
        queue, cache = WorkQueue(), Cache()
        for key in MANY:
            cache.put(mdep(key, self._status))
            queue.add(key)
        observer = Noting(cache, self)
        worker = Reconciler(queue, observer, self, cache, Metrics())  # type: ignore[arg-type]
        tasks = [asyncio.create_task(worker.work()) for _ in range(WORKERS)]
        tasks.append(asyncio.create_task(self._turns.count()))
        try:
            async with asyncio.timeout(5):
                while not until():
                    self._changed.clear()
                    await self._changed.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def note(self, what: Counter[int]) -> None:
        what[self._turns.now] += 1
        self._changed.set()

    async def readings(self, *_: Any, **__: Any) -> Readings:
        self.note(self.asked)
        return Readings()

    async def execute(self, snapshot: Snapshot, decision: Decision) -> None:
        self.note(self.looks)


class Noting(Observer):
    """Tells a crowd of each time that it reads what Prometheus is to be asked."""

    def __init__(self, cache: Cache, crowd: Crowd) -> None:
        super().__init__(cache, crowd)
        self._crowd = crowd

    def due(self, key: Key) -> Due | None:
        self._crowd.note(self._crowd.read)
        return super().due(key)


def test_between_two_looks_the_loop_hears_what_has_come() -> None:
    """Else a change waits, at each of a dozen stations, for as many looks as there are workers."""
    crowd = Crowd({})
    crowd.run(lambda: crowd.looks.total() == len(MANY))
    assert max(crowd.looks.values()) == 1


def test_what_falls_due_at_one_moment_is_asked_for_at_one_moment() -> None:
    """So it shares its queries; but to read what is to be asked takes its turns, too."""
    crowd = Crowd(under_way())
    crowd.run(lambda: max(crowd.asked.values(), default=0) == len(MANY))
    assert max(crowd.read.values()) <= 2, "of a worker, and of what falls due by time"
