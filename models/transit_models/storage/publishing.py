"""Published is for ever: what every store refuses, and in which words.

A version gets its content once. Only in a store that was marked as scratch from its beginning, for
trying things out, may a version be published again with other content. The mark guards against
mistakes, not against people: whoever may write to a store may do anything there. Neighbours:
`local` and `objects.publishing` keep to it.
"""

import json

from transit_models.errors import VersionConflict

MARKER = "transit-store.json"
SCRATCH = b'{"scratch": true}\n'


def says_scratch(marker: bytes | None) -> bool:
    """Whether the marker's content, if there is one, says that versions may be replaced."""
    try:
        said = json.loads(marker or b"{}")
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("scratch") is True


def taken(uri: str, name: str, version: str, *, scratch: bool) -> VersionConflict:
    """The version is published with other content."""
    way_out = ", or replace it: this is a scratch store (--replace)" if scratch else ""
    return VersionConflict(
        f"{name} {version} is published in {uri} with other content, and a published version never "
        f"changes: publish yours under another version{way_out}"
    )


def no_scratch(uri: str, name: str, version: str) -> VersionConflict:
    """Somebody wants to replace a version where that may not be."""
    return VersionConflict(
        f"{name} {version} can't be replaced: {uri} is no scratch store, and what serves it would "
        "serve something else after a restart. Publish under another version (a store for trying "
        "things out is made by: transit-models scratch STORE)"
    )


def claimed(uri: str, name: str, version: str) -> VersionConflict:
    """Another content was begun to be published, and isn't there yet."""
    return VersionConflict(
        f"somebody else publishes {name} {version} to {uri} with other content, or began to and "
        "never finished: publish yours under another version. If that publisher has ended: "
        f"transit-models discard {uri} {name}@{version}"
    )


def published(uri: str, name: str, version: str) -> VersionConflict:
    """What is whole is not to be discarded."""
    return VersionConflict(
        f"{name} {version} is published in {uri}, and stays: nothing is left over"
    )
