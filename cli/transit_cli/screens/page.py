"""`transit why --html`: one self-contained page for a post-mortem. No script, nothing is loaded.

Neighbours: `svg` draws the plots, `answer` has the words.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from ..rollout.explaining.curves import Curves
from ..rollout.explaining.why import Why
from ..rollout.status.signals import kind_of
from ..rollout.status.times import epoch
from .answer import rows
from .svg import chart

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fff; --dim: #5b6675; --line: #d8dee6;
  --candidate: #0b6bcb; --stable: #2e7d32; --bound: #c62828; --add: #e6f4ea; --del: #fdecea; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14181f; --dim: #9aa6b5;
  --line: #323a46; --candidate: #6cb6ff; --stable: #81c784; --bound: #ff8a80; --add: #16351f;
  --del: #3d1a1a; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.1rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1.2rem; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top;
  padding: .3rem .8rem .3rem 0; border-top: 1px solid var(--line); }
td:first-child { white-space: nowrap; color: var(--dim); }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .6rem; font-size: .85rem; }
.add { background: var(--add); } .del { background: var(--del); }
svg { width: 100%; height: auto; } polyline { fill: none; stroke-width: 2; }
.candidate { stroke: var(--candidate); } .stable { stroke: var(--stable); stroke-dasharray: 2 3; }
.bound { stroke: var(--bound); stroke-dasharray: 8 4; }
.grid { stroke: var(--line); } .step { stroke: var(--dim); stroke-dasharray: 1 4; }
.verdict { stroke: var(--bound); stroke-width: 2; }
.tick, .mark { fill: var(--dim); font-size: 12px; }
.key { display: inline-flex; align-items: center; gap: .4rem; margin-right: 1.2rem; }
.key svg { width: 32px; } footer { color: var(--dim); margin-top: 2rem; font-size: .85rem; }
"""


def page(mdep: dict[str, Any], found: Why, curves: Sequence[Curves], diff: Sequence[str]) -> str:
    """Return the page."""
    meta = mdep["metadata"]
    name = f"{meta['namespace']}/{meta['name']}"
    parts = [
        f"<p>{escape(name)}, revision {escape(found.revision or '')}</p>",
        f"<h1>{escape(found.headline)}</h1>",
        _answer(found),
        *_plots(curves, found),
        _timeline(found),
        _diff(diff),
        _footer(),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(f'{name}: {found.headline}')}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _answer(found: Why) -> str:
    said = (f"<dt>{escape(title)}</dt><dd>{escape(text)}</dd>" for title, text in rows(found))
    return f"<dl>{''.join(said)}</dl>"


def _plots(curves: Sequence[Curves], found: Why) -> Iterable[str]:
    if not curves or found.timeline is None:
        yield "<p>No plots: Prometheus has nothing of this rollout, or could not be asked.</p>"
        return
    keys = "".join(_key(name) for name in ("candidate", "stable", "bound"))
    yield f"<h2>Signals over the rollout</h2><p>{keys}</p>"
    for one in curves:
        title = kind_of(one.signal).title
        title = one.signal if one.signal.startswith("custom/") else title
        yield f"<h3>{escape(title)}</h3>{chart(one, found.timeline)}"


def _key(name: str) -> str:
    line = f'<polyline class="{name}" points="0,5 32,5"/>'
    return (
        f'<span class="key"><svg viewBox="0 0 32 10" aria-hidden="true">{line}</svg>{name}</span>'
    )


def _timeline(found: Why) -> str:
    if found.timeline is None or not found.timeline.events:
        return ""
    start = epoch(found.timeline.events[0].time) or 0.0
    cells = []
    for event in found.timeline.events:
        at = epoch(event.time)
        when = datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S") if at else ""
        later = f"+{(at or start) - start:.0f} s"
        cells.append(
            f"<tr><td>{when} {later}</td><td>{escape(event.reason)}</td>"
            f"<td>{escape(event.message)}</td></tr>"
        )
    head = "<tr><th>UTC</th><th>What</th><th>In words</th></tr>"
    return f"<h2>Timeline</h2><table><thead>{head}</thead><tbody>{''.join(cells)}</tbody></table>"


def _diff(lines: Sequence[str]) -> str:
    if not lines:
        return ""
    kinds = {"+": "add", "-": "del"}
    marked = (f'<span class="{kinds.get(line[:1], "")}">{escape(line)}</span>\n' for line in lines)
    return f"<h2>What was changed</h2><pre>{''.join(marked)}</pre>"


def _footer() -> str:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<footer>Written by transit why, {now}.</footer>"
