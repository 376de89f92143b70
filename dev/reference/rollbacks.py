"""`docs/pictures/rollbacks.svg`: how long each measured rollback took, drawn from the benchmark.

Neighbour: `benchmarks.rollback` writes the results. Hand-made SVG, as text that a review can read.
"""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks/results/rollback.json"
WIDTH, LEFT, RIGHT, ROW, TOP = 860, 60, 20, 26, 34
STYLE = """\
:root { --ink: #1c2430; --dim: #5b6675; --line: #d8dee6; --bar: #0b6bcb; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --dim: #a5b0be; --line: #3c4451; --bar: #6cb6ff; } }
text { fill: var(--ink); } .dim { fill: var(--dim); } .bar { fill: var(--bar); }
line { stroke: var(--line); }"""


def picture() -> str:
    """Return the SVG."""
    found: dict[str, Any] = json.loads(RESULTS.read_text())
    runs = found["runs"]
    seconds = int(found["maximumSeconds"]) + 2  # room for the words behind the longest bar
    bottom = TOP + ROW * len(runs)
    scale = (WIDTH - LEFT - RIGHT) / seconds
    parts = [*_axis(seconds, scale, bottom), *(_bar(n, run, scale) for n, run in enumerate(runs))]
    title = (
        f"{len(runs)} rollbacks on {found['date']}: from the first bad answer to weight 0, at"
        f" {found['requestsPerSecond']:g} requests per second, {found['weight']} % to the candidate"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 30}" role="img"'
        ' font-family="system-ui, sans-serif" font-size="13">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}\n</style>\n"
        f'<text x="0" y="16">{title}</text>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _axis(seconds: int, scale: float, bottom: int) -> list[str]:
    return [
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>'
        f'<text class="dim" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{at} s</text>'
        for at, x in ((at, LEFT + at * scale) for at in range(seconds + 1))
    ]


def _bar(number: int, run: dict[str, Any], scale: float) -> str:
    y = TOP + number * ROW
    width = run["seconds"] * scale
    words = f"{run['seconds']:g} s, {run['bad_answers']} failed answers"
    inside = f'<text x="{LEFT + width + 8:.1f}" y="{y + 17}">{words}</text>'
    return (
        f'<text class="dim" x="{LEFT - 10}" y="{y + 17}" text-anchor="end">{number + 1}</text>'
        f'<rect class="bar" x="{LEFT}" y="{y + 4}" width="{width:.1f}" height="{ROW - 8}" rx="3"/>'
        f"{inside}"
    )
