"""Fetch a version through the cache of the node: taken from there, or from the store and kept.

Whatever is wrong with the cache, the version is brought. Neighbours: `cache`, and
`storage.fetching`, which brings it from the store; the command `fetch` is an init container's.
"""

import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from transit_models.errors import IntegrityError, SignatureError
from transit_models.integrity import VerifiedVersion, verify_version
from transit_models.signing import Keys, signer
from transit_models.storage.fetching import fetch_verified
from transit_models.storage.node_cache.cache import NodeCache
from transit_models.storage.node_cache.report import Result
from transit_models.storage.node_cache.room import NoRoom
from transit_models.storage.protocol import Storage
from transit_models.versions import check_name, directory_name, plain


@dataclass(frozen=True)
class Brought:
    """A version that is there, and how it came; `problem`: why the cache was of no use."""

    version: VerifiedVersion
    result: Result
    seconds: float
    problem: str = ""


@dataclass(frozen=True)
class Asked:
    """A version by its content, where it shall be, and who must have signed it."""

    name: str
    version: str
    digest: str
    into: Path
    keys: Keys | None = None


def fetch_through(cache: NodeCache, storage: Storage, asked: Asked) -> Brought:
    """Bring it to `asked.into/NAME/vX.Y.Z`, every byte verified. Raises as `fetch_verified`."""
    start = time.monotonic()

    def brought(version: VerifiedVersion, result: Result, problem: str = "") -> Brought:
        return Brought(version, result, time.monotonic() - start, problem)

    found, problem = _taken(cache, asked)
    if found is not None:
        return brought(found, "hit")
    with ExitStack() as block:
        mine = False
        try:
            mine = block.enter_context(cache.turn(asked.digest, anew=bool(problem)))
            if not problem and cache.has(asked.digest):  # another pod was first
                found, problem = _taken(cache, asked)
                if found is not None:
                    return brought(found, "hit")
        except OSError as error:
            problem = problem or str(error)
        version = fetch_verified(
            *(storage, asked.name, asked.version, asked.into, asked.digest, asked.keys), copy=True
        )
        if not mine:
            busy = "another pod was fetching it all the time, so it was fetched here as well"
            return brought(version, "failed", problem or busy)
        try:
            if problem:
                cache.drop(asked.digest)
            cache.keep(asked.digest, version.directory)
        except (OSError, NoRoom) as error:
            return brought(version, "failed", str(error))
    return brought(version, "miss", problem)


def _taken(cache: NodeCache, asked: Asked) -> tuple[VerifiedVersion | None, str]:
    """The version, if the cache has it; else, if what it has is of no use, why."""
    version = plain(asked.version)
    target = asked.into / check_name(asked.name) / directory_name(version)
    try:
        listed = cache.take(asked.digest, target)
        if listed is None:
            return None, ""
        found = verify_version(target, asked.name, version, listed)
        if asked.keys is not None:
            signer(target, asked.keys)
    except (OSError, IntegrityError) as error:
        return None, f"what the cache has is not used: {error}"
    except SignatureError as error:  # it may have been signed since, by a key that is known now
        shutil.rmtree(target)
        return None, f"what the cache has is not used: {error}"
    return found, ""
