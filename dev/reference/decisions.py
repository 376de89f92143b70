"""`docs/decisions/index.md`: all decisions in their order, with their dates, made of their heads.

A decision begins with `# NNNN Title`, an empty line, and its date; what stands behind the date says
which one it supersedes, or is superseded by.
"""

import re
from pathlib import Path

from .words import head, row, table

FOLDER = Path(__file__).resolve().parents[2] / "docs/decisions"
_HEAD = re.compile(
    r"# (?P<number>\d{4}) (?P<title>[^\n]+)\n\n(?P<date>\d{4}-\d\d-\d\d)\b(?P<rest>.*)"
)
_OTHER = re.compile(r"\b(Superseded by|Supersedes) (\[\d{4}\]\([^)]+\))")


def text() -> str:
    """Return the page. Raises ValueError for a decision that doesn't begin as one."""
    page = head(
        "Decisions",
        "the heads of the decisions",
        "Each says what was decided, and why so: what was measured, and what else was considered."
        " A number that isn't here was never given to one.",
    )
    page += "\n" + table("", "Decision", "Date", "")
    for file in sorted(FOLDER.glob("[0-9]*.md")):
        found = _HEAD.match(file.read_text())
        if found is None or found["number"] != file.name[:4]:
            raise ValueError(
                f"{file.name} must begin with '# {file.name[:4]} Title', an empty line and its date"
            )
        others = "; ".join(" ".join(one) for one in _OTHER.findall(found["rest"]))
        page += row(found["number"], f"[{found['title']}]({file.name})", found["date"], others)
    return page
