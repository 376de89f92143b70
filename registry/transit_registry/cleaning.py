"""What a database keeps of text and numbers that others have written: pods, files, people.

Neighbours: `writing`, `versions` and `predictions` clean what they put down.
"""

import math
from typing import Any

_NONE = "\ufffd"  # stands for a character that there is not


def cleaned(value: Any) -> Any:
    """Return plain data without what PostgreSQL can't keep: the character NUL, half a pair of
    surrogates, and, of numbers, what JSON hasn't, which is null then.
    """
    if isinstance(value, str):
        return _text(value.replace("\x00", _NONE))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {cleaned(key): cleaned(inner) for key, inner in value.items()}
    return [cleaned(inner) for inner in value] if isinstance(value, list | tuple) else value


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
