"""How commands name a ModelDeployment, in what they suggest to try. Pure."""

from typing import Any


def as_named(mdep: dict[str, Any]) -> str:
    """Return its name as a command takes it, whatever namespace the shell is in."""
    return f"{mdep['metadata']['name']} -n {mdep['metadata']['namespace']}"
