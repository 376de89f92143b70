"""How commands name a ModelDeployment, in what they suggest to try. Pure."""

from typing import Any


def as_named(mdep: dict[str, Any]) -> str:
    """Return its name as a command takes it, whatever namespace the shell is in."""
    return named(mdep["metadata"]["namespace"], mdep["metadata"]["name"])


def named(namespace: str, name: str) -> str:
    """Return the same of one that was only named."""
    return f"{name} -n {namespace}"
