"""The buttons: first what a command will do, then, confirmed, what came of it.

Neighbours: `steering` has the words, `cluster.acting` gives the command and waits for the operator.
"""

import asyncio
import time

from fastapi import HTTPException

from ..cluster.acting import give
from ..exits import CommandFailed, Exit
from ..rollout.reading import read
from .data.fleet import Entry
from .data.sources import Sources
from .pages import Pages
from .steering import choice

PATIENCE_SECONDS = 30.0


class Commanding:
    """Answers with what stands in the dialog."""

    def __init__(self, pages: Pages, sources: Sources) -> None:
        self._pages = pages
        self._sources = sources

    async def ask(self, entry: Entry, verb: str) -> str:
        """Return the confirmation of a command."""
        found = choice(entry.mdep, read(entry.mdep, (), time.time()), verb)
        if found is None:
            raise HTTPException(409, f"{verb} would do nothing now: the rollout has gone on")
        return self._pages.render("ask.html", entry=entry, choice=found)

    async def do(self, entry: Entry, verb: str) -> str:
        """Give a command; what came of it. One that makes no sense any more is not given."""
        if choice(entry.mdep, entry.shown, verb) is None:
            raise HTTPException(409, f"{verb} would do nothing now: the rollout has gone on")
        namespace, name = entry.key
        there = self._sources.within(namespace)
        try:
            _, found = await asyncio.to_thread(give, there, name, verb, PATIENCE_SECONDS)
        except CommandFailed as failure:
            return self._pages.render("done.html", well=False, text=str(failure), events=())
        return self._pages.render(
            "done.html", well=found.code is Exit.DONE, text=found.text, events=found.events
        )
