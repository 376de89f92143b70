"""Times and durations: as the resource writes them, and as people read them."""

import re
from datetime import datetime

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def epoch(text: str | None) -> float | None:
    """Return RFC 3339 text as seconds since the epoch; None where it is none."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def seconds(duration: str) -> float:
    """Return `30s`, `15m` or `1h30m` in seconds. Raises: ValueError."""
    if not re.fullmatch(rf"({_PART.pattern})+", duration):
        raise ValueError(f"{duration!r} is no duration such as 30s, 15m or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(duration))


def human(total: float) -> str:
    """Return seconds as `45s`, `30m`, `1h5m` or `3d4h`: two units at most."""
    units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    rest = round(max(0.0, total))
    parts: list[str] = []
    for unit, size in units:
        number, rest = divmod(rest, size)
        if number or parts:
            parts.append(f"{number}{unit}")
        if len(parts) == 2:
            break
    return "".join(part for part in parts if not part.startswith("0")) or "0s"
