"""What can be done with objects, on one library: read, put, delete and list them, in bounded time.

Neighbours: `kinds` makes the library's store, `refusals` turns its errors into ours;
`storage`, `publishing` and `downloading` make a store of models of it.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError

from transit_models.errors import IntegrityError, InvalidReference, StorageUnavailable
from transit_models.storage.objects.kinds import Kind
from transit_models.storage.objects.pieces import PARALLEL, PIECE, in_order
from transit_models.storage.objects.refusals import available, code
from transit_models.storage.objects.secret import Told, told
from transit_models.storage.objects.source import SMALL

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_PART = 8 * 1024 * 1024  # a multipart upload has 10,000 of them
_TRIES = 4


class Objects:
    """The objects of a `Kind`, by names without its prefix. Any number of threads may ask.

    `tell` says at each call who asks.
    """

    def __init__(self, kind: Kind, tell: Callable[[], Told] = told) -> None:
        self.kind = kind
        self.tell = tell
        self._lock = threading.Lock()
        self._made: tuple[Told, ObjectStore] | None = None

    @property
    def uri(self) -> str:
        """The address."""
        return self.kind.uri

    @property
    def lists(self) -> bool:
        """Whether it can be asked for what it has."""
        return self.kind.lists

    @property
    def store(self) -> "ObjectStore":
        """The library's store, made anew when what we are told has changed."""
        now = self.tell()
        with self._lock:
            if self._made is None or self._made[0] != now:
                with available(self.kind, now):
                    self._made = (now, self.kind.store(now))
            return self._made[1]

    def folders(self, under: str = "") -> list[str]:
        """The names of the "directories" right under `under`."""
        with self._available():
            found = obstore.list_with_delimiter(self.store, under.rstrip("/") or None)
            return [path.rstrip("/").rpartition("/")[2] for path in found["common_prefixes"]]

    def keys(self, folder: str) -> dict[str, int]:
        """All objects under `folder` (ends with '/'): relative name → size in bytes."""
        with self._available():
            pages = obstore.list(self.store, folder, chunk_size=1000)
            found = {item["path"]: item["size"] for page in pages for item in page}
        folders = _folders_of(found)
        return {
            path.removeprefix(folder): size
            for path, size in found.items()
            if path.startswith(folder) and (size or path not in folders)
        }

    def read(self, name: str, limit: int = SMALL) -> bytes | None:
        """The start of a small object (`NAME/stable`), or None."""
        try:
            with self._available():
                found = bytearray()
                for chunk in obstore.get(self.store, name).stream(min_chunk_size=limit):
                    found += chunk
                    if len(found) >= limit:
                        break
                return bytes(found[:limit])
        except FileNotFoundError:
            return None

    def chunks(self, name: str, start: int, size: int | None) -> Iterator[memoryview]:
        """What an object holds from `start` on, in order, a few pieces ahead of who takes them.

        Of a `size` that isn't known it is one stream, from the beginning.
        """
        if size is None:
            with self._present(name):
                for chunk in obstore.get(self.store, name).stream(min_chunk_size=PIECE):
                    yield memoryview(chunk)
            return

        def piece(at: int, end: int) -> memoryview:
            with self._present(name):
                return memoryview(obstore.get_range(self.store, name, start=at, end=end))

        yield from in_order(piece, start, size)

    def put(self, name: str, body: bytes) -> None:
        """Put a small object, whatever is there."""
        self._writing(lambda: obstore.put(self.store, name, body, mode="overwrite"))

    def put_new(self, name: str, body: bytes) -> bool:
        """Put a small object if there is none; False when there is one. Of two at once, one is
        first.
        """
        for _ in range(_TRIES):
            try:
                self._writing(lambda: obstore.put(self.store, name, body, mode="create"))
            except AlreadyExistsError as error:
                if code(error) != "ConditionalRequestConflict":  # another one's is under way
                    return False
            else:
                return True
        raise StorageUnavailable(f"{self.uri}/{name}: others write it again and again")

    def delete(self, name: str) -> None:
        """Delete an object; none is fine."""
        try:
            self._writing(lambda: obstore.delete(self.store, name))
        except FileNotFoundError:
            return

    def upload(self, files: Mapping[str, Path]) -> None:
        """Put files under the names that they map from, several at once."""

        def put(item: tuple[str, Path]) -> None:
            name, path = item
            self._writing(
                lambda: obstore.put(
                    self.store, name, path, chunk_size=_PART, max_concurrency=PARALLEL
                )
            )

        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(put, files.items()))

    def _writing(self, write: Callable[[], object]) -> None:
        if not self.kind.writes:
            raise InvalidReference(f"{self.uri} can only be read: write to what is behind it")
        with self._available():
            write()

    def _available(self) -> AbstractContextManager[None]:
        return available(self.kind, self.tell())

    @contextmanager
    def _present(self, name: str) -> Iterator[None]:
        try:
            with self._available():
                yield
        except FileNotFoundError:
            raise IntegrityError(
                name, f"an object in {self.uri}", "none", "Publish the version again."
            ) from None


def _folders_of(paths: Iterable[str]) -> set[str]:
    """The folders that they are in. Consoles put an empty object in the place of each, whose name
    ends with a slash, which the library leaves out.
    """
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found
