"""Words of others, made harmless for a room that many people read.

A message repeats what a check, a server or Prometheus has said. Who wrote the ModelDeployment chose
such words; the room may be somebody else's. What is plain text to Apprise is markup to Discord,
Mattermost and others: it could call everybody by @everyone, or show a link under another name.
Neighbour: `by_apprise`. Programs get the words as they are.
"""

import re
from typing import Final

# As the command line has it: control characters but tab and newline, and what turns text around.
_HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Between the sign that begins a mention or a link and what it would lead to: @all, <!channel>,
# <@&1>, [text](address). A version (forest@1.0.0) and a digest (@sha256:…) are there to be copied.
_MARKUP = re.compile(r"(?<=@)(?!sha256:)(?=[^\W\d])|(?<=<)(?=[@!\w])|(?<=\])(?=\()")
_NO_SIGN: Final = "\ufffd"
_NOTHING_TO_SEE: Final = "\u200b"


def harmless(text: str) -> str:
    """Return a text that looks the same to people, and calls or leads nobody anywhere."""
    return _MARKUP.sub(_NOTHING_TO_SEE, _HARMFUL.sub(_NO_SIGN, text))
