"""How versions of a store that is elsewhere are kept on this machine: whole, and used again.

Neighbours: `objects.storage` and `mlflow.storage` bring them, each in its way.
"""

import fcntl
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transit_models.errors import ModelStoreError, StorageUnavailable
from transit_models.integrity import VerifiedVersion, verify_version
from transit_models.versions import check_name, directory_name, plain

log = logging.getLogger(__name__)


class Copies(ABC):
    """What fetching means for every `Storage` that is elsewhere."""

    @property
    @abstractmethod
    def uri(self) -> str:
        """See `Storage.uri`."""

    def fetch(
        self,
        name: str,
        version: str,
        into: Path,
        digest: str | None = None,
        *,
        copy: bool = False,
    ) -> VerifiedVersion:
        """See `Storage.fetch`: always a copy.

        One that is there already, intact and of the same checksums as the store's, is used again;
        also when the store does not answer, so that a pod restarts while the store is down.
        """
        version = plain(version)
        target = into / check_name(name) / directory_name(version)
        with _alone(target):
            cached = _cached(target, name, version)
            if cached and cached.digest == digest:
                return cached  # whatever the store has by now
            try:
                return self._fetch(name, version, target, digest, cached)
            except StorageUnavailable as error:
                if not cached:
                    raise
                log.warning("%s; using the verified copy in %s", error, target)
                return cached

    @abstractmethod
    def _fetch(
        self,
        name: str,
        version: str,
        target: Path,
        digest: str | None,
        cached: VerifiedVersion | None,
    ) -> VerifiedVersion:
        """Bring it to `target`, or give back what is `cached` there, if it is what the store has.

        Raises `ContentChanged` when the store has another content than that of `digest`.
        """


def _cached(target: Path, name: str, version: str) -> VerifiedVersion | None:
    if not target.is_dir():
        return None
    try:
        return verify_version(target, name, version)
    except ModelStoreError as error:
        log.warning("the cached copy in %s is not intact (%s); fetching again", target, error)
        return None


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """One fetch of a version at a time in a cache: the second finds it there."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = target.with_name(f".{target.name}.lock").open("w")
    except OSError as error:
        raise StorageUnavailable(f"the cache {target.parent} cannot be written: {error}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
