"""HTML of Jinja templates: the environment, and how values look in them.

Everything is escaped but what templates themselves are. Neighbours: `listing` and `detail` render.
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha384
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from ..rollout.status.shown import Signal
from ..rollout.status.signals import kind_of
from ..rollout.status.times import epoch, human
from ..screens.listing import versions
from ..screens.tree import bound_text, verdict_text

STATIC = Path(__file__).parent / "static"
_SYMBOLS = {
    "Pending": "○",
    "Stable": "✓",
    "Progressing": "▲",
    "Baking": "◆",
    "Paused": "‖",
    "RollingBack": "▼",
    "RolledBack": "↩",
    "Failed": "✕",
    "Unknown": "·",
}
PHASES = tuple(_SYMBOLS)
_VERDICTS = {"Pass": "✓", "Fail": "✕", "NoData": "?", "Warning": "!"}


def _value(signal: Signal) -> str:
    return kind_of(signal.signal).of_value(signal.value) if signal.value is not None else "-"


def _verdict(signal: Signal) -> str:
    return verdict_text(signal).plain


def _when(at: str | float | None) -> Markup:
    """Return a time; the browser says how long ago that was."""
    seconds = epoch(at) if isinstance(at, str) else at
    if seconds is None:
        return Markup("")
    time = datetime.fromtimestamp(seconds, UTC)
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(time.isoformat(), text, text)


def _integrity(file: str) -> str:
    """Return the hash by which the browser checks a script or style."""
    return "sha384-" + base64.b64encode(sha384((STATIC / file).read_bytes()).digest()).decode()


class Pages:
    """Renders. Whole pages are of a visitor: they need one."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader(__package__ or ""),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "bound": bound_text,
            "human": human,
            "value": _value,
            "verdict": _verdict,
            "versions": versions,
            "when": _when,
        }
        self._templates.globals |= {
            "integrity": {
                str(file.relative_to(STATIC)): _integrity(str(file.relative_to(STATIC)))
                for file in sorted(STATIC.rglob("*.*"))
                if file.suffix in (".js", ".css")
            },
            "phases": PHASES,
            "symbols": _SYMBOLS,
            "verdict_symbols": _VERDICTS,
        }

    def render(self, template: str, **values: Any) -> str:
        """Return a template with its values."""
        return self._templates.get_template(template).render(**values)


def partials(parts: Mapping[str, str], swap: str) -> str:
    """Return an event that puts HTML into elements, by their ids."""
    return "".join(_partial(target, swap, html) for target, html in parts.items())


def _partial(target: str, swap: str, html: str) -> str:
    return f'<hx-partial hx-target="#{target}" hx-swap="{swap}">{html}</hx-partial>'
