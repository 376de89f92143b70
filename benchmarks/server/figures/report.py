"""The rows as a table for people, and as a plot (SVG written here: it needs no library)."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.server.figures.rows import Row, best_peer

_BAR, _GAP, _LEFT, _WIDTH = 18, 6, 150, 420
_COLOURS = {"own": "#2f6f9f", "original": "#9aa5b1", "compiled": "#7d6b91", "by hand": "#d9b36c"}


def table(rows: Sequence[Row]) -> str:
    """A Markdown table per model: requests per second, p50, p99, processor time, ratio."""
    parts = []
    for model in dict.fromkeys(row.model for row in rows):
        mine = [row for row in rows if row.model == model]
        counts = sorted({row.connections for row in mine})
        head = [f"{count} conn: rps | p50 ms | p99 ms | CPU ms | ratio" for count in counts]
        lines = [f"| {model} | {' | '.join(head)} |", "|---" + "|---:" * 5 * len(counts) + "|"]
        for server in dict.fromkeys(row.server for row in mine):
            by_count = {row.connections: row for row in mine if row.server == server}
            cells = [_cells(rows, by_count.get(count)) for count in counts]
            lines.append(f"| {server} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _cells(rows: Sequence[Row], row: Row | None) -> str:
    if row is None:
        return "- | - | - | - | -"
    best = best_peer(rows, row.model, row.connections)
    ratio = f"{row.rps / best.rps:.2f}" if best else "-"
    failed = f" ({row.failed} failed)" if row.failed else ""
    return (
        f"{row.rps:,.0f}{failed} | {row.p50_ms:.2f} | {row.p99_ms:.2f} | {row.cpu_ms:.2f} | {ratio}"
    )


def plot(rows: Sequence[Row], connections: int) -> str:
    """Horizontal bars of requests per second, a panel per model."""
    shown = [row for row in rows if row.connections == connections]
    models = list(dict.fromkeys(row.model for row in shown))
    y, parts = 30, []
    parts.append(_text(10, 18, f"Requests per second, {connections} connections, one row each", 14))
    for model in models:
        bars = sorted((row for row in shown if row.model == model), key=lambda row: -row.rps)
        most = bars[0].rps
        parts.append(_text(10, y + 18, model, 13))
        y += 28
        for row in bars:
            colour = _COLOURS[row.kind]
            width = max(1.0, _WIDTH * row.rps / most)
            parts.append(_text(_LEFT - 8, y + 13, row.server, 11, "end"))
            parts.append(
                f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>'
            )
            parts.append(_text(_LEFT + width + 6, y + 13, f"{row.rps:,.0f}", 11))
            y += _BAR + _GAP
        y += 10
    size = f'width="{_LEFT + _WIDTH + 90}" height="{y + 10}"'
    style = 'style="background:#fff;font-family:sans-serif"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{body}\n</svg>\n'


def _text(x: float, y: float, text: str, size: int, anchor: str = "start") -> str:
    where = f'x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {where} fill="#222">{escape(text)}</text>'
