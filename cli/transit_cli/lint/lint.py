"""One file's findings: what the API server would refuse, then advice where there is no error."""

from collections.abc import Iterator
from typing import Any

from .advice import Known, advice
from .documents import GROUP, KIND, Document
from .finding import Finding, Path, path_text
from .rules import broken
from .schema import Schema, Wrong, with_defaults, wrong

VERSION = f"{GROUP}v1alpha1"


def name_of(document: Document) -> str:
    """Return the name as it stands there; "?" without one."""
    metadata = document.value.get("metadata")
    return str((metadata.get("name") if isinstance(metadata, dict) else None) or "?")


def errors(document: Document, schema: Schema, file: str) -> list[Finding]:
    """Return what the API server would refuse."""
    value = with_defaults(document.value, schema)
    found = [*_unknown(value), *wrong(value, schema), *broken(value, schema)]
    return [_finding(document, file, "error", path, text) for path, text in found]


def _unknown(value: dict[str, Any]) -> Iterator[Wrong]:
    """Yield the version of the API, where it is none that this program knows."""
    said = value.get("apiVersion")
    if said is None:
        yield ("apiVersion",), f"Required value: {VERSION}"
    elif said != VERSION:
        text = f'no matches for kind "{KIND}" in version "{said}": it is {VERSION}'
        yield ("apiVersion",), text


def advised(document: Document, schema: Schema, file: str, known: Known) -> Iterator[Finding]:
    """Yield advice. Only for a document without errors."""
    spec = with_defaults(document.value, schema)["spec"]
    for path, text in advice(spec, known):
        yield _finding(document, file, "advice", path, text)


def said(document: Document, file: str, path: Path, text: str) -> Finding:
    """Return a piece of advice that a cluster gave."""
    return _finding(document, file, "advice", path, text)


def _finding(document: Document, file: str, level: str, path: Path, text: str) -> Finding:
    return Finding.model_validate(
        {
            "level": level,
            "path": path_text(path),
            "message": text,
            "file": file,
            "line": document.line(path),
            "name": name_of(document),
        }
    )
