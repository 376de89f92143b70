"""Give a command: set `transit.dev/action`, and wait until the operator has handled it.

Each value acts once, so each call makes a token of its own. Nothing is written to the spec: Git and
its tools see no change. Neighbour: `rollout.steering.command` reads what became of it.
"""

import time
from secrets import token_hex

from ..exits import CommandFailed, Exit
from ..rollout.status.named import as_named
from ..rollout.status.times import human
from ..rollout.steering.command import ANNOTATION, Handled, handled
from . import modeldeployments
from .connection import Cluster
from .following import follow

TICK_SECONDS = 0.5


def give(there: Cluster, name: str, verb: str, most: float) -> tuple[str, Handled]:
    """Return the action that was set, and what became of it within `most` seconds.

    Raises: CommandFailed, with `TIMED_OUT` where no operator has handled it.
    """
    before = modeldeployments.read(there, name)
    action = f"{verb}/{int(time.time())}-{token_hex(3)}"
    modeldeployments.annotate(there, name, ANNOTATION, action)
    deadline = time.monotonic() + most
    for mdep in follow(there, name, TICK_SECONDS):
        found = handled(before, mdep, action)
        if found is not None:
            return action, found
        if time.monotonic() > deadline:
            break
    text = f"no operator has handled {action} in {human(most)}; it acts as soon as one does"
    look = there.command(f"transit status {as_named(before)}")
    raise CommandFailed(text, look, Exit.TIMED_OUT)
