"""One plot as data for the browser: lines on one axis of times, the band, steps and the verdict.

Pure. Neighbours: `rollout.curves` has the lines, `static/plots.js` draws them.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from ..rollout.explaining.curves import Curves, Point
from ..rollout.explaining.timeline import Timeline
from ..rollout.status.signals import KINDS, kind_of, milliseconds, percent

Unit = Literal["share", "seconds", "plain"]
Line = list[float | None]


class Mark(BaseModel):
    """An upright line: a step, or how it ended."""

    at: float
    text: str
    verdict: bool = False


class Plot(BaseModel):
    """What is drawn. Lines have a value, or none, for each time."""

    unit: Unit
    times: list[float]
    candidate: Line
    stable: Line
    bound: Line
    low: Line
    high: Line
    marks: list[Mark]
    summary: str


def title_of(signal: str) -> str:
    """Return what a plot is called."""
    return kind_of(signal).title if signal in KINDS else signal.partition("/")[2] or signal


def plot(curves: Curves, timeline: Timeline) -> Plot:
    """Return one plot."""
    lines = (curves.candidate, curves.stable, curves.bound)
    times = sorted({at for line in lines for at, _ in line})
    low, high = ([(p[0], p[i]) for p in curves.band] for i in (1, 2))
    return Plot(
        unit=_unit(curves.signal),
        times=times,
        candidate=_on(times, curves.candidate),
        stable=_on(times, curves.stable),
        bound=_on(times, curves.bound),
        low=_on(times, low),
        high=_on(times, high),
        marks=_marks(timeline),
        summary=_summary(curves),
    )


def _on(times: Sequence[float], line: Sequence[Point]) -> Line:
    values = dict(line)
    return [values.get(at) for at in times]


def _unit(signal: str) -> Unit:
    value = kind_of(signal).of_value
    return "share" if value is percent else "seconds" if value is milliseconds else "plain"


def _marks(timeline: Timeline) -> list[Mark]:
    marks = [Mark(at=step.at, text=f"{step.weight} %") for step in timeline.steps]
    if timeline.ended is not None and timeline.end is not None:
        marks.append(Mark(at=timeline.ended, text=timeline.end, verdict=True))
    return marks


def _summary(curves: Curves) -> str:
    """Return the last values in words: what a plot says to who doesn't see it."""
    value = kind_of(curves.signal).of_value
    named = (
        ("candidate", curves.candidate),
        ("stable", curves.stable),
        ("bound", curves.bound),
    )
    return ", ".join(f"{name} {value(line[-1][1])}" for name, line in named if line)
