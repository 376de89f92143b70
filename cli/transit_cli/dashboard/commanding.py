"""The buttons: first what a command will do, then, confirmed, what came of it.

Neighbours: `steering` has the words, `cluster.acting` gives the command and waits for the operator,
with the rights of whoever pressed the button.
"""

import asyncio
import time

from fastapi import HTTPException

from ..cluster.acting import give
from ..cluster.connection import Cluster
from ..exits import CommandFailed, Exit
from ..rollout.status.reading import read
from .data.fleet import Entry
from .pages import Pages
from .steering import choice
from .visitor import Visitor

PATIENCE_SECONDS = 30.0


class Commanding:
    """Answers with what stands in the dialog."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def ask(self, entry: Entry, verb: str, visitor: Visitor) -> str:
        """Return the confirmation of a command."""
        _theirs(visitor)
        found = choice(entry.mdep, read(entry.mdep, (), time.time()), verb)
        if found is None:
            raise HTTPException(409, f"{verb} would do nothing now: the rollout has gone on")
        return self._pages.render("ask.html", entry=entry, choice=found)

    async def do(self, entry: Entry, verb: str, visitor: Visitor) -> str:
        """Give a command; what came of it. One that makes no sense any more is not given."""
        theirs = _theirs(visitor)
        if choice(entry.mdep, entry.shown, verb) is None:
            raise HTTPException(409, f"{verb} would do nothing now: the rollout has gone on")
        namespace, name = entry.key
        there = theirs.within(namespace)
        try:
            _, found = await asyncio.to_thread(give, there, name, verb, PATIENCE_SECONDS)
        except CommandFailed as failure:
            return self._pages.render("done.html", well=False, text=str(failure), events=())
        return self._pages.render(
            "done.html", well=found.code is Exit.DONE, text=found.text, events=found.events
        )


def _theirs(visitor: Visitor) -> Cluster:
    if visitor.cluster is None:
        raise HTTPException(403, "commands need somebody who has signed in: do so, and try again")
    return visitor.cluster
