"""One thing that is found, and where."""

from typing import Literal

from ..rollout.status.shown import Value

Path = tuple[str | int, ...]


class Finding(Value):
    """`error`: the API server would refuse it. `advice`: it is allowed, and yet unwise."""

    level: Literal["error", "advice"]
    path: str
    message: str
    file: str = ""
    line: int | None = None
    name: str = ""


def path_text(path: Path) -> str:
    """Return a path as the API server writes it: `spec.rollout.steps[0].weight`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
