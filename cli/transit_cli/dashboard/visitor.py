"""Who looks at the page, and in whose name their commands are given.

Neighbours: `guard` and `incluster.gate` find out who it is, before anything is answered; routes
take it as `Who`.
"""

import json
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from ..cluster.connection import Cluster


@dataclass(frozen=True)
class Visitor:
    """A visitor: `cluster` is the API server as they see it; None: they may only look.

    `token` is what pages of theirs send with a command. Where people sign in (`signing`), `name` is
    who has done so, and `leaves` says that they can sign out here.
    """

    token: str
    cluster: Cluster | None
    signing: bool = False
    name: str = ""
    leaves: bool = False

    @property
    def headers(self) -> str:
        """Return what pages of theirs send, as JSON."""
        return json.dumps({"X-Transit-Token": self.token})


def _who(request: Request) -> Visitor:
    found = request.state.visitor
    assert isinstance(found, Visitor)
    return found


Who = Annotated[Visitor, Depends(_who)]
