"""A signal's curves as inline SVG: no script, nothing loaded from anywhere.

Lines differ in dash as well as in colour; the bound is drawn in, steps and the verdict are upright
lines. Neighbour: `page` has the styles.
"""

from collections.abc import Callable, Sequence
from html import escape

from ..rollout.explaining.curves import Curves, Point
from ..rollout.explaining.timeline import Timeline
from ..rollout.status.signals import kind_of
from ..rollout.status.times import human

WIDTH, HEIGHT = 860, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 12, 22, 28
_TICKS = 4


def chart(curves: Curves, timeline: Timeline) -> str:
    """Return the `<svg>` element."""
    start = timeline.started or curves.candidate[0][0]
    every = [*curves.candidate, *curves.stable, *curves.bound]
    end = max([at for at, _ in every] + [timeline.ended or 0.0])
    top = max(value for _, value in every) * 1.1 or 1.0
    kind = kind_of(curves.signal)

    def x(at: float) -> float:
        return _LEFT + (at - start) / max(1e-9, end - start) * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - value / top * (HEIGHT - _TOP - _BOTTOM)

    parts = [*_axes(x, y, start, end, top, kind.of_value), *_marks(timeline, x)]
    for line, name in ((curves.bound, "bound"), (curves.stable, "stable")):
        parts += _line(line, name, x, y)
    parts += _line(curves.candidate, "candidate", x, y)
    title = escape(f"{kind.title}: candidate against stable")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">'
        f"<title>{title}</title>{''.join(parts)}</svg>"
    )


Place = Callable[[float], float]


def _axes(
    x: Place, y: Place, start: float, end: float, top: float, words: Callable[[float], str]
) -> list[str]:
    parts = []
    for number in range(_TICKS + 1):
        value = top * number / _TICKS
        height = f"{y(value):.1f}"
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{height}" y2="{height}"/>'
            f'<text class="tick" x="{_LEFT - 8}" y="{height}" dy="4" text-anchor="end">'
            f"{escape(words(value))}</text>"
        )
        at = start + (end - start) * number / _TICKS
        anchor = "end" if number == _TICKS else "middle"
        parts.append(
            f'<text class="tick" x="{x(at):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">'
            f"+{human(at - start)}</text>"
        )
    return parts


def _marks(timeline: Timeline, x: Place) -> list[str]:
    marks = [(step.at, f"{step.weight} %", "step") for step in timeline.steps]
    if timeline.ended is not None and timeline.end is not None:
        marks.append((timeline.ended, timeline.end, "verdict"))
    return [
        f'<line class="{kind}" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{_TOP}"'
        f' y2="{HEIGHT - _BOTTOM}"/>'
        f'<text class="mark" x="{x(at):.1f}" y="{_TOP - 7}" text-anchor="middle">'
        f"{escape(text)}</text>"
        for at, text, kind in marks
    ]


def _line(points: Sequence[Point], name: str, x: Place, y: Place) -> list[str]:
    if not points:
        return []
    path = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in points)
    return [f'<polyline class="{name}" points="{path}"/>']
