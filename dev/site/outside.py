"""The site loads nothing from anywhere else: no script, font, style or picture.

Browsers are told so as well, by the policy in `theme/main.html`; this finds it before they do.
"""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

# a link of these kinds is loaded with the page; others are followed by people
LOADED = {"stylesheet", "icon", "preconnect", "preload", "modulepreload", "manifest"}


class _Loaded(HTMLParser):
    """Collects what a page loads from an address of its own, and what the theme would."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        kinds = set(given.get("rel", "").split())
        addresses = [given.get("src", ""), given.get("poster", "")]
        if tag == "link" and kinds & LOADED:
            addresses.append(given.get("href", ""))
        self.found += [one for one in addresses if one.startswith(("http:", "https:", "//"))]
        if "mermaid" in given.get("class", "").split():
            self.found.append("a mermaid diagram, whose program the theme loads from elsewhere")


def problems(site: Path) -> Iterator[str]:
    """Yield each thing that a page of the built site loads from elsewhere."""
    for page in sorted(site.rglob("*.html")):
        reader = _Loaded()
        reader.feed(page.read_text())
        for found in reader.found:
            yield f"{page.relative_to(site)} loads from elsewhere: {found}"
