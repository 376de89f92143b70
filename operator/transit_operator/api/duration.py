"""Durations as users write them: `30s`, `15m`, `1h30m`, `250ms` (the syntax of Go and of CEL)."""

import re
from typing import Annotated

from pydantic import Field

# So many digits that the sum stays below the 292 years that CEL and Go can hold.
_NUMBERS = (("h", 6), ("m", 7), ("s", 9), ("ms", 12))
DURATION_PATTERN = (
    "^(" + "|".join(rf"[0-9]{{1,{n}}}(\.[0-9]{{1,9}})?{unit}" for unit, n in _NUMBERS) + ")+$"
)

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

Duration = Annotated[
    str,
    Field(
        max_length=20,
        json_schema_extra={
            "x-kubernetes-validations": [
                {
                    "rule": f"self.matches(r'{DURATION_PATTERN}')",
                    "message": "must be a duration such as 500ms, 30s, 15m, 24h or 1h30m"
                    " (units: ms, s, m, h)",
                }
            ]
        },
    ),
]


def seconds(duration: str) -> float:
    """Return a duration in seconds.

    Raises:
        ValueError: the text is not a duration.
    """
    if not re.fullmatch(DURATION_PATTERN, duration):
        raise ValueError(f"{duration!r} is not a duration such as 30s, 15m or 1h30m")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(duration))


def human(total: float) -> str:
    """Return seconds as a short text for people: `45s`, `30m`, `1h5m`."""
    whole = round(total)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "m"), (secs, "s")]
    return "".join(f"{n}{unit}" for n, unit in parts if n) or "0s"
