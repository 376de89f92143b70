"""How long a model takes, by what it took lately: `batching` refuses what can't be done in time."""


class Pace:
    """Of one model, given at most `max_rows` at once.

    A full batch takes no less than one with fewer rows, and no more than as many of those as have
    its rows: each batch says at least so much.
    """

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._full = 0.0  # seconds for a full batch
        self._seen = float("-inf")

    def took(self, rows: int, seconds: float, now: float) -> None:
        """A batch was answered."""
        self._full = min(max(self._full, seconds), seconds * self._max_rows / rows)
        self._seen = now

    def seconds_for(self, rows: int) -> float:
        """For so many rows, when each batch is full."""
        return self._full * rows / self._max_rows

    def age(self, now: float) -> float:
        """How long ago the last batch was."""
        return now - self._seen
