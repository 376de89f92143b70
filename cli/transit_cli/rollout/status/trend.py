"""What was seen of each signal while watching: the numbers behind the small curves."""

from typing import Any

from .signals import read_signal

_KEPT = 60


class Trend:
    """Collects the measured number of each signal, once for each evaluation."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[float]] = {}
        self._last: dict[str, str | None] = {}

    def see(self, mdep: dict[str, Any]) -> None:
        """Take what the status says, if it is new."""
        for evidence in (mdep.get("status") or {}).get("signals") or []:
            signal = read_signal(evidence)
            if signal.measure is None or self._last.get(signal.signal) == signal.time:
                continue
            self._last[signal.signal] = signal.time
            numbers = self.numbers.setdefault(signal.signal, [])
            numbers.append(signal.measure)
            del numbers[:-_KEPT]
