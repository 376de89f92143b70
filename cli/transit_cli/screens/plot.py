"""A signal's curves in the terminal, by plotille: candidate, stable, bound, steps, the verdict."""

from collections.abc import Callable, Sequence

import plotille
from rich.text import Text

from ..rollout.explaining.curves import Curves, Point
from ..rollout.explaining.timeline import Timeline
from ..rollout.status.signals import kind_of
from ..rollout.status.times import human

HEIGHT = 12
_MARGIN = 26  # columns that the axis and its labels take


def plot(curves: Curves, timeline: Timeline, width: int, *, colours: bool) -> Text:
    """Return the plot, with its legend. `width` in columns."""
    start = timeline.started or curves.candidate[0][0]
    lines = (curves.candidate, curves.stable, curves.bound)
    every = [point for line in lines for point in line]
    end = max(at for at, _ in every) - start
    top = max(value for _, value in every) * 1.1 or 1.0
    figure = plotille.Figure()
    figure.width, figure.height = max(30, min(width, 110) - _MARGIN), HEIGHT
    figure.with_colors = colours
    figure.color_mode = "names"
    figure.set_x_limits(0, max(end, 1.0))
    figure.set_y_limits(0, top)
    figure.x_label, figure.y_label = "t", kind_of(curves.signal).title
    figure.register_label_formatter(float, _Labels(top, kind_of(curves.signal).of_value).label)
    for at in (step.at for step in timeline.steps):
        figure.axvline(_part(at - start, end), lc="white" if colours else None)
    if timeline.ended is not None:
        figure.axvline(_part(timeline.ended - start, end), lc="red" if colours else None)
    stable = curves.stable  # dots, so that it is told from the candidate without a colour
    if stable:
        times, values = [at - start for at, _ in stable], [value for _, value in stable]
        figure.scatter(times, values, lc="green" if colours else None)
    _draw(figure, curves.bound, start, "red" if colours else None)
    _draw(figure, curves.candidate, start, "cyan" if colours else None)
    text = Text.from_ansi(figure.show())
    text.append("\n")
    text.append_text(_legend(curves, timeline, start))
    return text


def _draw(figure: plotille.Figure, line: Sequence[Point], start: float, colour: str | None) -> None:
    if line:
        figure.plot([at - start for at, _ in line], [v for _, v in line], lc=colour)


def _part(at: float, whole: float) -> float:
    return min(1.0, max(0.0, at / whole)) if whole > 0 else 0.0


class _Labels:
    """Labels of both axes: plotille has one formatter for a type, and asks by the range."""

    def __init__(self, top: float, of_value: Callable[[float], str]) -> None:
        self._top = top
        self._of_value = of_value

    def label(self, value: float, chars: int, delta: float, left: bool = False) -> str:
        """Return the label of a tick: `delta` is the length of its axis."""
        is_y = abs(delta - self._top) < 1e-9 * max(1.0, self._top)
        text = self._of_value(value) if is_y else human(value)
        return text.ljust(chars) if left else text.rjust(chars)


def _legend(curves: Curves, timeline: Timeline, start: float) -> Text:
    kind = kind_of(curves.signal)
    text = Text("candidate", "cyan")
    text.append(f" {kind.of_value(curves.candidate[-1][1])}")
    if curves.stable:
        text.append("   stable (dots)", "green")
        text.append(f" {kind.of_value(curves.stable[-1][1])}")
    if curves.bound:
        text.append("   bound", "red")
        text.append(f" {kind.of_value(curves.bound[-1][1])}")
    steps = ", ".join(f"{s.weight} % at {human(s.at - start)}" for s in timeline.steps)
    if steps:
        text.append(f"\nupright lines, since the start: {steps}", "dim")
    if timeline.ended is not None:
        text.append(f"; {timeline.end} at {human(timeline.ended - start)}", "red")
    return text
