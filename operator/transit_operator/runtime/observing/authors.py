"""Who wrote the spec of a ModelDeployment and its command, as far as Kubernetes keeps it.

That is the field manager: kubectl, a GitOps controller, the command line. Which person stood behind
it only the API server's audit log knows. Neighbours: `cache` keeps this in the place of
`managedFields`, which are most of an object; `recording` writes it into the history.
"""

from typing import NamedTuple

from ...api import names
from ...core.objects.build import Object
from ...core.times import epoch

_ACTION = f"f:{names.ANNOTATION_ACTION}"


class Author(NamedTuple):
    """A field manager, and when it last changed anything of what it manages."""

    manager: str
    time: float  # seconds since the epoch


def authors_of(meta: Object) -> Object:
    """Return who owns the spec and the command, by the metadata that the API server sends.

    Of several that own parts of the spec, the one that changed something last.
    """
    found: dict[str, tuple[str, str]] = {}
    for entry in meta.get("managedFields") or []:
        if entry.get("subresource"):
            continue
        fields = entry.get("fieldsV1") or {}
        said = str(entry.get("time") or ""), str(entry.get("manager") or "")
        annotations = (fields.get("f:metadata") or {}).get("f:annotations") or {}
        for part, owned in (("spec", "f:spec" in fields), ("action", _ACTION in annotations)):
            if owned and said > found.get(part, ("", "")):
                found[part] = said
    return {part: {"manager": who, "time": time} for part, (time, who) in found.items() if time}


def author(mdep: Object, part: str) -> Author | None:
    """Return who wrote the "spec" or the "action" of a ModelDeployment of the cache."""
    said = (mdep.get("authors") or {}).get(part)
    return Author(said["manager"], epoch(said["time"])) if said else None
