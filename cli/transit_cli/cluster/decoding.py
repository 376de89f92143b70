"""JSON of others, made harmless for a terminal.

A status repeats what a server, a Gateway or Prometheus has said. Whoever writes a model's image
chooses such words, and whoever looks at them is somebody else: control characters in them could
move the cursor, change the title, or turn the direction of the text.
"""

import json
import re
from typing import Any

# All control characters but tab and newline, and those that turn the direction of the text.
_HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_INSTEAD = "\ufffd"


def decoded(text: str | bytes) -> Any:
    """Return what JSON says, with harmful characters replaced. Raises: ValueError."""
    return _harmless(json.loads(text))


def _harmless(value: Any) -> Any:
    if isinstance(value, str):
        return _HARMFUL.sub(_INSTEAD, value)
    if isinstance(value, list):
        return [_harmless(one) for one in value]
    if isinstance(value, dict):
        return {_harmless(key): _harmless(one) for key, one in value.items()}
    return value
