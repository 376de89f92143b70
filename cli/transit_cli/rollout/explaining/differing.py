"""What differs between two revisions: the records of what each was resolved to, as a diff. Pure."""

import difflib
from typing import Any

import yaml

_CONTEXT = 2


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the lines of a unified diff; none where one of them is not known."""
    if not before or not after:
        return []
    was, is_now = (_lines(one) for one in (before, after))
    return list(difflib.unified_diff(was, is_now, "stable", "candidate", lineterm="", n=_CONTEXT))


def _lines(one: dict[str, Any]) -> list[str]:
    return str(yaml.safe_dump(one, sort_keys=True, width=100)).splitlines()
