"""What to tell somebody who asked a store for something it does not have.

Neighbours: `local` and `objects` raise these, so that both say the same.
"""

import difflib

from transit_models.errors import IntegrityError, ModelNotFound
from transit_models.integrity import CHECKSUMS, UNPUBLISHED

_SHOWN = 12


def missing_model(uri: str, name: str, names: list[str]) -> ModelNotFound:
    """There is no model `name` among `names`."""
    close = difflib.get_close_matches(name, names, n=1)
    guess = f" Did you mean {close[0]!r}?" if close else ""
    return ModelNotFound(f"{uri} has no model {name!r}. It has: {_list(names)}.{guess}")


def missing_version(uri: str, name: str, version: str, versions: list[str]) -> ModelNotFound:
    """`name` has no `version` among `versions` (lowest first)."""
    return ModelNotFound(f"{uri}: {name} has no version {version}. It has: {_list(versions)}.")


def unfinished(uri: str, name: str, version: str) -> IntegrityError:
    """Files of `version` are there, and its checksums, which are written last, are not."""
    where = f"a file in {uri}/{name}/v{version}"
    return IntegrityError(CHECKSUMS, where, "none", UNPUBLISHED)


def missing_alias(uri: str, name: str, alias: str, versions: list[str]) -> ModelNotFound:
    """`alias` is not set for `name`."""
    newest = versions[-1] if versions else "VERSION"
    return ModelNotFound(
        f"{uri}: {name} has no alias {alias!r}. Versions: {_list(versions)}. "
        f"Set it with: transit-models alias {uri} {name} {alias} {newest}"
    )


def _list(items: list[str]) -> str:
    if not items:
        return "none"
    shown = ", ".join(items[-_SHOWN:])
    return shown if len(items) <= _SHOWN else f"… {shown} ({len(items)} in all)"
