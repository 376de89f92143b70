"""A few numbers as a line of blocks: ▁▂▅▇, the last one on the right."""

from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"


def spark(numbers: Sequence[float], top: float | None = None, width: int = 12) -> str:
    """Return the last numbers, from 0 to `top` or the largest of them; above that all is full."""
    last = list(numbers)[-width:]
    most = top if top else max(last, default=0.0)
    if not last:
        return ""
    if most <= 0:
        return _BLOCKS[0] * len(last)
    steps = len(_BLOCKS) - 1
    return "".join(_BLOCKS[min(steps, max(0, round(n / most * steps)))] for n in last)
