"""Pages that no menu leads to: a page that is written and not entered in `nav` is found by nobody.

Looked for in the site's first page, whose menu has all that `nav` in zensical.toml says.
"""

import re
from collections.abc import Iterator
from pathlib import Path

LINK = re.compile(r'<a href="([^"]*)" class="md-nav__link')


def problems(repository: Path, site: Path) -> Iterator[str]:
    """Yield each page of the documentation that the menu leaves out."""
    linked = {target.removeprefix("./") for target in LINK.findall(_first(site))}
    docs = repository / "docs"
    for page in sorted(docs.rglob("*.md")):
        if _address(page.relative_to(docs)) not in linked:
            yield f"{page.relative_to(repository)}: no menu leads to it; nav is in zensical.toml"


def _first(site: Path) -> str:
    return (site / "index.html").read_text()


def _address(page: Path) -> str:
    folder = page.parent if page.name == "index.md" else page.with_suffix("")
    return "" if folder == Path() else f"{folder.as_posix()}/"
