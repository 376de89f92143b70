"""What a store of models can do, wherever it is.

    ROOT/NAME/vX.Y.Z/   model.<ext>, metadata.json, checksum.sha256; where there are such,
                        preprocessing.pkl, performance_metrics.json, probe.npy
    ROOT/transit-store.json
                        {"scratch": true} where versions may be replaced
    ROOT/NAME/latest, ROOT/NAME/stable
                        aliases: a symlink locally; else an object that holds "v1.1.0"

Neighbours: `local` and `objects` do it, `opening` tells which of them an address means.
"""

from pathlib import Path
from typing import Protocol

from transit_models.integrity import VerifiedVersion


class Storage(Protocol):
    """A store of models. Every method may raise `StorageUnavailable`, and `InvalidReference` for
    names, versions or aliases that cannot be."""

    @property
    def uri(self) -> str:
        """The address it was opened with."""

    def names(self) -> list[str]:
        """The names of all models, sorted. Empty when there are none."""

    def versions(self, name: str) -> list[str]:
        """All versions of `name` that are published completely, plain (`1.10.0`), lowest first.
        Raises `ModelNotFound`.
        """

    def aliases(self, name: str) -> dict[str, str]:
        """The aliases of `name` that are set: alias → plain version."""

    def resolve(self, name: str, version_or_alias: str) -> str:
        """The plain version that `version_or_alias` means. Raises `ModelNotFound`, or
        `IntegrityError` when it isn't published completely.
        """

    def digest(self, name: str, version: str) -> str:
        """What stands for the content of `name` at `version`: see `integrity.digest_of`.

        Raises `ModelNotFound`, or `IntegrityError` when it isn't published completely.
        """

    def fetch(
        self,
        name: str,
        version: str,
        into: Path,
        digest: str | None = None,
        *,
        copy: bool = False,
    ) -> VerifiedVersion:
        """`name` at `version` on this machine, complete, and every byte of it verified.

        Local: in place, or with `copy` in `into`, where nobody who writes to the store can change
        it any more. Of objects: downloaded to `into/NAME/vX.Y.Z`, which appears at once and whole;
        what is there already and intact is used again: with the `digest` that is asked for, the
        store needn't even answer. Raises `ModelNotFound`, `IntegrityError`, `InvalidMetadata`, or
        `ContentChanged` when it is known before a byte is copied that the store has another digest.
        """

    def publish(self, directory: Path, name: str, version: str, *, replace: bool = False) -> bool:
        """Verify `directory` and copy it into the store; returns False when it was there already.

        A version gets its content once: of two publishers at the same time one wins, and readers
        see all of it or nothing. `replace` changes it all the same, in scratch stores only.
        Raises `IntegrityError` or `InvalidMetadata` before anything is copied, and
        `VersionConflict` when other content is, or is about to be, published under that version.
        """

    def discard(self, name: str, version: str) -> None:
        """Remove what a publisher left that never finished. Raises `VersionConflict` when the
        version is published.
        """

    @property
    def scratch(self) -> bool:
        """Whether it is for trying things out, so that versions may be replaced."""

    def mark_scratch(self) -> None:
        """Make it such a store, whatever is in it."""

    def signatures(self, name: str, version: str) -> bytes:
        """What is in `checksum.sha256.sig` of a version; empty when nobody has signed it."""

    def set_signatures(self, name: str, version: str, signatures: bytes) -> None:
        """Put it there. Nothing else of a published version changes."""

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Point `alias` at `version`. Raises `ModelNotFound` if there is no such version."""
