"""A rollout as lines, for logs of pipelines: each thing that happens once, and nothing twice."""

from ..rollout.status.shown import Event, Shown


class Lines:
    """Remembers what was printed."""

    def __init__(self) -> None:
        self._told: set[Event] | None = None
        self._wrong: dict[str, str] = {}
        self._state = ""

    def new(self, shown: Shown) -> list[str]:
        """Return the lines that this look adds."""
        lines: list[str] = []
        if self._told is None:  # what happened before the watch is told by the phase
            self._told = set(shown.history)
            lines.append(f"{shown.phase}: {shown.message}")
        for event in shown.history:
            if event not in self._told:
                self._told.add(event)
                lines.append(f"{(event.time or '')[:19]}  {event.reason}: {event.message}")
        lines += self._signals(shown)
        state = (shown.step.waits if shown.step else None) or ""
        if state != self._state and state:
            lines.append(state)
        self._state = state
        return lines

    def _signals(self, shown: Shown) -> list[str]:
        """Return the signals that don't pass, and did before, or the other way round."""
        wrong = {
            s.signal: f"{s.verdict}: {s.message}" for s in shown.signals if s.verdict != "Pass"
        }
        lines = [
            f"{signal} {text}"
            for signal, text in wrong.items()
            if self._wrong.get(signal, "").partition(":")[0] != text.partition(":")[0]
        ]
        lines += [f"{signal} passes" for signal in self._wrong if signal not in wrong]
        self._wrong = wrong
        return lines
