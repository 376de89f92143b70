"""The page of one ModelDeployment, in sections: each is sent again only when it looks otherwise.

Neighbours: `sources` has what is asked beside the object, `steering` the buttons, templates/detail
how it looks.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from ..cluster.connection import Object
from ..rollout.explaining.timeline import Timeline, timelines
from ..rollout.explaining.why import Why, plotted, why, why_of
from ..rollout.status.reading import read
from ..rollout.status.shown import Value
from ..rollout.status.times import epoch
from ..screens.answer import rows
from .data.fleet import Entry, Fleet
from .data.sources import LOOK_SECONDS, Measured, Sources, tick
from .pages import Pages, partials
from .plots import title_of
from .steering import choices
from .visitor import Visitor

SECTIONS = (
    "head",
    "answer",
    "revisions",
    "signals",
    "plots",
    "classes",
    "pods",
    "diff",
    "rollbacks",
    "timeline",
    "events",
)
BREATH_SECONDS = 0.2
PLOTS = "plots"  # the event at which the browser asks for the curves anew
_EVENTS = 30


class Told(Value):
    """A Kubernetes Event."""

    time: str
    kind: str
    reason: str
    message: str
    count: int


@dataclass(frozen=True)
class Chosen:
    """Which rollout a page shows: the one that matters now, or one of the history by its start."""

    started: float | None = None

    @property
    def query(self) -> str:
        """Return what links of the page carry on."""
        return f"?rollout={self.started:.3f}" if self.started is not None else ""

    def is_it(self, one: Timeline) -> bool:
        """Tell whether this rollout was chosen; addresses have its start to the millisecond."""
        if one.started is None or self.started is None:
            return False
        return abs(one.started - self.started) < 0.001


def answer_of(mdep: Object, chosen: Chosen, now: float) -> Why:
    """Return what a page is about; of one with nothing under way, its last rollout."""
    found = timelines(mdep)
    for one in found:
        if chosen.is_it(one):
            return why_of(mdep, one, now) if one.end is not None else why(mdep, None, now)
    answer = why(mdep, None, now)
    known = [one for one in found if one.started is not None]
    if answer.timeline is None and known:
        return answer.model_copy(update={"timeline": known[-1], "revision": known[-1].revision})
    return answer


class Detail:
    """Renders pages of single ModelDeployments."""

    def __init__(self, fleet: Fleet, pages: Pages, sources: Sources) -> None:
        self._fleet = fleet
        self._pages = pages
        self._sources = sources

    async def page(self, entry: Entry, chosen: Chosen, visitor: Visitor) -> str:
        """Return the whole page."""
        sections = await self._sections(entry, chosen, visitor)
        return self._pages.render(
            "detail.html",
            visitor=visitor,
            entry=entry,
            shown=entry.shown,
            sections=sections,
            query=chosen.query,
            problem=self._fleet.problem,
        )

    async def changes(
        self, entry: Entry, chosen: Chosen, visitor: Visitor
    ) -> AsyncIterator[tuple[str, str]]:
        """Yield events, by their names: "" is HTML, `PLOTS` the moment for new curves."""
        sent: dict[str, str] = {}
        ticked = 0
        with self._fleet.waiting(entry.key) as waiting:
            while not self._fleet.ended:
                now = self._fleet.get(*entry.key)
                if now is None:
                    gone = self._pages.render("problem.html", problem=f"{entry.key[1]} was deleted")
                    yield "", partials({"problem": gone}, "innerHTML")
                    return
                sections = await self._sections(now, chosen, visitor)
                sections["problem"] = self._pages.render(
                    "problem.html", problem=self._fleet.problem
                )
                new = {name: html for name, html in sections.items() if sent.get(name) != html}
                sent |= new
                if new:
                    yield "", partials(new, "innerMorph")
                every = tick(now.mdep, answer_of(now.mdep, chosen, time.time()))
                if int(time.time() // every) != ticked:
                    ticked = int(time.time() // every)
                    yield PLOTS, "{}"
                await asyncio.sleep(BREATH_SECONDS)
                await waiting.some(LOOK_SECONDS)

    async def _sections(self, entry: Entry, chosen: Chosen, visitor: Visitor) -> dict[str, str]:
        now = time.time()
        answer = answer_of(entry.mdep, chosen, now)
        one = answer.timeline
        pods, events, measured, diff = await asyncio.gather(
            self._sources.pods(entry),
            self._sources.events(entry),
            self._sources.measured(entry, answer),
            self._diff(entry, one),
        )
        shown = read(entry.mdep, pods, now)
        values = {
            "answer": answer,
            "changes": _coloured(diff),
            "choices": choices(entry.mdep, shown) if visitor.cluster is not None else (),
            "entry": entry,
            "events": _told(events),
            "figures": _figures(entry.mdep, answer),
            "measured": measured,
            "query": f"?rollout={one.started:.3f}" if one and one.started is not None else "",
            "rollbacks": _rollbacks(entry.mdep, now),
            "rollouts": [t for t in reversed(timelines(entry.mdep)) if t.started is not None],
            "rows": list(rows(_with(answer, measured))),
            "shown": shown,
            "timeline": one,
        }
        return {name: self._pages.render(f"detail/{name}.html", **values) for name in SECTIONS}

    async def _diff(self, entry: Entry, one: Timeline | None) -> list[str]:
        if one is None or not one.stable:
            return []
        return await self._sources.diff(entry, one.stable, one.revision)


def _figures(mdep: Object, answer: Why) -> list[tuple[str, str]]:
    """Return signals and titles: what a verdict is about first, else in an order that stays."""
    if answer.timeline is None:
        return []
    about = answer if answer.kind == "turned-back" else answer.model_copy(update={"signal": None})
    return [(signal, title_of(signal)) for signal in plotted(mdep, about)]


def _with(answer: Why, measured: Measured) -> Why:
    sources = f"the status, and Prometheus at {measured.where}"
    if measured.problem:
        sources = f"the status alone: {measured.problem}"
    return answer.model_copy(update={"stood_out": measured.stood_out, "sources": sources})


def _rollbacks(mdep: Object, now: float) -> list[tuple[Why, list[tuple[str, str]]]]:
    """Return every rollout of the history that was rolled back, with its evidence in words."""
    answers = [why_of(mdep, one, now) for one in timelines(mdep) if one.end == "Rejected"]
    return [
        (one, [(title, text) for title, text in rows(one) if title != "from"])
        for one in reversed(answers)
    ]


def _coloured(diff: Sequence[str]) -> list[tuple[str, str]]:
    """Return the lines of a diff, each with its kind."""
    kinds = {"+": "add", "-": "del", "@": "at"}
    return [(kinds.get(line[:1], ""), line) for line in diff if line[:3] not in ("+++", "---")]


def _told(events: Sequence[Object]) -> list[Told]:
    """Return the last Events, the newest first."""
    found = [
        Told(
            time=event.get("lastTimestamp")
            or event.get("eventTime")
            or event["metadata"].get("creationTimestamp")
            or "",
            kind=event.get("type") or "Normal",
            reason=event.get("reason") or "",
            message=event.get("message") or event.get("note") or "",
            count=event.get("count") or 1,
        )
        for event in events
    ]
    return sorted(found, key=lambda one: epoch(one.time) or 0.0, reverse=True)[:_EVENTS]
