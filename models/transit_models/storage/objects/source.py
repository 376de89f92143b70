"""What a version can be copied from, by the names of its files.

Neighbours: `objects.Objects` is one, of buckets; `storage.oci.source.Repositories` is another, of
a registry; `storage` and `downloading` read them.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

SMALL = 16 * 1024 * 1024  # what is read at once has at most so many bytes


class Source(Protocol):
    """Files under names such as `NAME/v1.1.0/model.onnx`. Any number of threads may ask.

    Every method may raise `StorageUnavailable`.
    """

    @property
    def uri(self) -> str:
        """The address."""

    @property
    def lists(self) -> bool:
        """Whether it can be asked for what it has."""

    def folders(self, under: str = "") -> list[str]:
        """The names of the folders right under `under`."""

    def keys(self, folder: str) -> Mapping[str, int]:
        """All files under `folder` (ends with '/'): relative name → size in bytes."""

    def read(self, name: str, limit: int = SMALL) -> bytes | None:
        """The start of a small file, or None."""

    def chunks(self, name: str, start: int, size: int | None) -> Iterator[memoryview]:
        """What a file holds from `start` on, in order. Of a `size` that isn't known, from the
        beginning. Raises `IntegrityError` where there is none.
        """
