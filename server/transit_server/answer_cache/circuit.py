"""When the Redis is asked again after it failed. Pure.

One failure is enough, since it is one that requests have waited for. The pause grows as long as the
Redis fails soon after it was back; a busy machine that was late once costs little.
"""

from typing import Final

FIRST: Final = 0.1  # seconds
LONGEST: Final = 30.0
WELL: Final = 10.0  # times the pause, after which a failure is the first one again


class Circuit:
    """Open from the start: nobody waits before the Redis has answered a question of its own."""

    def __init__(self) -> None:
        self.closed = False
        self._since = float("-inf")
        self._pause = 0.0

    def close(self, now: float) -> None:
        """It has answered."""
        self.closed, self._since = True, now

    def open(self, now: float) -> float:
        """It has failed; how long it is left alone now."""
        well = self.closed and now - self._since >= WELL * self._pause
        self.closed = False
        self._pause = FIRST if well or not self._pause else min(2 * self._pause, LONGEST)
        return self._pause
