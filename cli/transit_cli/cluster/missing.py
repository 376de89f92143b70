"""What to say where no ModelDeployment has that name: what it may have been meant to be.

Mostly the name is mistyped, or it is in another namespace. Neighbour: `modeldeployments.read`.
"""

from collections.abc import Sequence
from difflib import get_close_matches

from ..rollout.status.named import named
from .connection import Cluster, NotFound

_MOST = 10  # names in a line


def missing(there: Cluster, name: str, names: Sequence[str], elsewhere: Sequence[str]) -> NotFound:
    """Return the failure. `names` are those of the namespace, `elsewhere` has namespaces."""
    text = f"there is no ModelDeployment {name} in the namespace {there.namespace}"
    if elsewhere:
        text += f"; there is one in {' and in '.join(elsewhere[:_MOST])}"
        return NotFound(text, there.command(f"transit get {named(elsewhere[0], name)}"))
    if near := get_close_matches(name, names, n=1):
        text += f"; did you mean {near[0]}?"
        return NotFound(text, there.command(f"transit get {named(there.namespace, near[0])}"))
    if names:
        more = len(names) - _MOST
        text += f"; there are: {', '.join(names[:_MOST])}" + (f" and {more} more" * (more > 0))
        return NotFound(text, there.command(f"transit get -n {there.namespace}"))
    return NotFound(text, there.command("transit get -A"))
