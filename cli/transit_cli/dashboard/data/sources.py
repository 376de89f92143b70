"""What one page shows beside the ModelDeployment: pods, Events, the diff, and what was measured.

Each is asked once a tick for all pages (`once`), with the rights of the program.
Neighbours: `cluster` knows how to ask; `detail` and `plots` lay out the answers.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from ...cluster import measured, modeldeployments
from ...cluster.connection import Cluster, Object
from ...cluster.prometheus import Prometheus, Unreachable
from ...rollout.explaining.classes import Mix
from ...rollout.explaining.curves import Curves
from ...rollout.explaining.why import Why, analysis_of
from ...rollout.status.times import seconds
from .fleet import Entry
from .once import Once

LOOK_SECONDS = 5.0  # between two looks at pods and Events
KEPT_SECONDS = 60.0  # of what hardly changes: where Prometheus is, what differs
ENDED_SECONDS = 300.0  # of the figures of a rollout that is over
PATIENCE_SECONDS = 1.0
_SETTLED_SECONDS = 60.0  # after its end its last figures are there


@dataclass(frozen=True)
class Measured:
    """What Prometheus adds to a page, or why it adds nothing."""

    mixes: tuple[Mix, ...] = ()
    stood_out: tuple[str, ...] = ()
    where: str = ""
    problem: str = ""


class Sources:
    """Asks a cluster and its Prometheus, which `prometheus` finds."""

    def __init__(self, cluster: Cluster, prometheus: Callable[[], Prometheus]) -> None:
        self._cluster = cluster
        self._find = prometheus
        self._once = Once()

    async def pods(self, entry: Entry) -> list[Object]:
        """Return the pods of all revisions; none where they may not be read."""
        there, name = self._cluster.within(entry.key[0]), entry.key[1]
        return await self._once.ask(
            ("pods", entry.key), LOOK_SECONDS, lambda: modeldeployments.pods(there, name)
        )

    async def events(self, entry: Entry) -> list[Object]:
        """Return the Events; none where they may not be read."""
        there, name = self._cluster.within(entry.key[0]), entry.key[1]
        return await self._once.ask(
            ("events", entry.key), LOOK_SECONDS, lambda: modeldeployments.events(there, name)
        )

    async def diff(self, entry: Entry, before: str, after: str) -> list[str]:
        """Return what differs between two revisions."""
        there, name = self._cluster.within(entry.key[0]), entry.key[1]
        return await self._once.ask(
            ("diff", entry.key, before, after),
            KEPT_SECONDS,
            lambda: modeldeployments.changed(there, name, before, after),
        )

    async def measured(self, entry: Entry, answer: Why) -> Measured:
        """Return classes and what stood out, at the last evaluation or at the end.

        Nobody waits long for it: who comes back later in the tick gets what has arrived by then.
        """
        try:
            return await asyncio.wait_for(self._measured(entry, answer), PATIENCE_SECONDS)
        except TimeoutError:
            return Measured(problem="Prometheus has not answered yet")

    async def _measured(self, entry: Entry, answer: Why) -> Measured:
        try:
            prometheus = await self._prometheus()
            mixes, out = await asyncio.gather(
                self._once.ask(
                    ("classes", entry.key, _rollout(answer)),
                    tick(entry.mdep, answer),
                    lambda: tuple(measured.predicted(entry.mdep, answer, prometheus)),
                ),
                self._once.ask(
                    ("stood out", entry.key, _rollout(answer), answer.signal),
                    tick(entry.mdep, answer),
                    lambda: tuple(measured.stood_out(entry.mdep, answer, prometheus)),
                ),
            )
        except Unreachable as error:
            return Measured(problem=str(error))
        return Measured(mixes, out, prometheus.where)

    async def curves(self, entry: Entry, answer: Why, signal: str) -> Curves | None:
        """Return the curves of one signal; None where there is nothing. Raises: Unreachable."""
        prometheus = await self._prometheus()
        found = await self._once.ask(
            ("curves", entry.key, _rollout(answer), signal),
            tick(entry.mdep, answer),
            lambda: measured.measured_curves(entry.mdep, answer, prometheus, [signal]),
        )
        return found[0] if found else None

    async def _prometheus(self) -> Prometheus:
        return await self._once.ask("prometheus", KEPT_SECONDS, self._find)


def tick(mdep: Object, answer: Why) -> float:
    """Return how often what is measured is asked anew: as often as the operator evaluates."""
    one = answer.timeline
    if one is not None and one.ended is not None and time.time() > one.ended + _SETTLED_SECONDS:
        return ENDED_SECONDS
    return max(1.0, seconds(analysis_of(mdep).get("interval", "15s")))


def _rollout(answer: Why) -> tuple[str | None, float | None]:
    return answer.revision, answer.timeline.started if answer.timeline else None
