"""Which tokens were counted, in little memory, and never one twice: a Bloom filter for each day.

A set of all tokens of a month has no bound, and one that forgets the oldest can be made to forget.
A filter forgets nothing as long as it is kept, which is as long as tokens of its day are good. What
it can do wrong is to take a new token for a counted one: at most one in 700, when it is full, and
whatever the label.
"""

from collections import Counter
from typing import Final

from transit_server.errors import FeedbackFull

CAPACITY: Final = 2**18  # tokens of one day
_BITS: Final = 16 * CAPACITY
_PLACES: Final = 5
_WIDTH: Final = _BITS.bit_length() - 1


class CountedOnce:
    """The tokens that this process has counted. Theirs are days as in `feedback_tokens`.

    Of one day at most `capacity`, and half of them of one client's key: no client can fill it for
    all others.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._filters: dict[int, bytearray] = {}
        self._counts: dict[int, Counter[str]] = {}

    def first(self, tag: bytes, day: int, client: str) -> bool:
        """Whether this is the first time; `tag` must be random. Raises `FeedbackFull`."""
        bits = self._filters.get(day)
        if bits is None:
            bits = self._filters[day] = bytearray(_BITS // 8)
            self._counts[day] = Counter()
        places = _places(tag)
        if all(bits[place >> 3] & (1 << (place & 7)) for place in places):
            return False
        counts = self._counts[day]
        full = counts.total() >= self._capacity
        if full or (client and counts[client] >= self._capacity // 2):
            raise FeedbackFull("there was more feedback on that day's predictions than is counted")
        for place in places:
            bits[place >> 3] |= 1 << (place & 7)
        counts[client] += 1
        return True

    def forget_before(self, day: int) -> None:
        """Let go of days whose tokens are refused anyway."""
        for old in [known for known in self._filters if known < day]:
            del self._filters[old], self._counts[old]


def _places(tag: bytes) -> list[int]:
    number = int.from_bytes(tag, "big")
    return [(number >> (_WIDTH * index)) & (_BITS - 1) for index in range(_PLACES)]
