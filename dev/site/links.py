"""Links of pages that are no part of the site, such as README.md: each leads to what is there.

Zensical checks the links between pages of the site. Anchors in those pages are looked for in what
it has built, so that one program decides what a heading is called.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

LINK = re.compile(r"\]\(([^)\s]+)\)")
ABROAD = ("http://", "https://", "mailto:")
PAGES = "docs/"


def problems(repository: Path, site: Path) -> Iterator[str]:
    """Yield each link that leads nowhere."""
    for page in _pages(repository):
        for target in LINK.findall((repository / page).read_text()):
            if not target.startswith(ABROAD) and not _leads(repository, site, page, target):
                yield f"{page}: nothing is at {target}"


def _pages(repository: Path) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=repository, capture_output=True, text=True, check=True
    )
    return [Path(name) for name in listed.stdout.split() if not name.startswith(PAGES)]


def _leads(repository: Path, site: Path, page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = (repository / page.parent / path).resolve() if path else repository / page
    if not anchor:
        return file.exists()
    relative = file.relative_to(repository / PAGES)
    built = site / relative.with_suffix("") / "index.html"
    if relative.name == "index.md":
        built = site / relative.with_name("index.html")
    return built.exists() and f'id="{anchor}"' in built.read_text()
