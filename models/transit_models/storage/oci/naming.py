"""What models, versions and aliases are called in a registry.

Pure. A repository has small letters only and a tag no `+`, which becomes `_`, as Helm has it.
Neighbours: `source` and `storage`.
"""

import re

from transit_models.errors import InvalidReference
from transit_models.versions import check_name, is_version, plain

PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?"
_ADDRESS = re.compile(rf"oci://({HOST})/({PART}(?:/{PART})*)/?")
_PART = re.compile(PART)
MARKER_TAG = "transit-store"


def split_address(uri: str) -> tuple[str, str]:
    """`oci://HOST/PATH` → (host, path). Raises `InvalidReference`."""
    match = _ADDRESS.fullmatch(uri)
    if match is None:
        raise InvalidReference(
            f"{uri!r}: write oci://registry.example.com/team/models, in small letters, without a "
            "tag: each model has a repository under it, and each version a tag"
        )
    return match[1], match[2]


def repository_of(path: str, name: str) -> str:
    """The repository of a model. Raises `InvalidReference` for a name that can't be one."""
    if _PART.fullmatch(check_name(name)) is None:
        raise InvalidReference(
            f"{name!r} can't name a repository of a registry: small letters and digits, with one "
            "'.', one or two '_' or any '-' between them"
        )
    return f"{path}/{name}"


def tag_of(version: str) -> str:
    """The tag of a version: `1.1.0`."""
    return plain(version).replace("+", "_")


def version_of(tag: str) -> str | None:
    """The version of a tag; None for another kind of tag."""
    version = tag.replace("_", "+")
    return version if is_version(version) and plain(version) == version else None


def signatures_tag(content: str) -> str:
    """The tag under which the signatures of a content are; they may grow, which it may not."""
    return f"signatures-{content}"
