"""Files that an MLflow server gives out itself (`mlflow-artifacts:`), wherever it keeps them.

Neighbours: `client` asks; `storage` reads them as it reads a store of objects. What the server
lists is not believed: each name is one part of a path, and a tree has an end.
"""

from collections.abc import Iterator, Mapping

from transit_models.errors import IntegrityError, StorageUnavailable
from transit_models.integrity import check_relative
from transit_models.storage.mlflow.client import Client
from transit_models.storage.objects.source import SMALL

_ROOT = "mlflow-artifacts/artifacts"
_MOST_FILES = 10_000
_MOST_FOLDERS = 1_000


class Artifacts:
    """A `Source` of the files under `path`, by their names there."""

    lists = True

    def __init__(self, client: Client, path: str) -> None:
        self._client = client
        self._path = path
        self.uri = f"{client.uri}, artifacts {path}"

    def folders(self, under: str = "") -> list[str]:
        """The names of the folders right under `under`."""
        return [name for name, size in self._listed(under) if size is None]

    def keys(self, folder: str) -> Mapping[str, int]:
        """All files under `folder`. Raises `IntegrityError` for a name that leads elsewhere, and
        for a tree without an end.
        """
        found: dict[str, int] = {}
        folders = [folder]
        listed = 0
        while folders:
            under = folders.pop()
            listed += 1
            for name, size in self._listed(under):
                if size is None:
                    folders.append(f"{under}{name}/")
                else:
                    found[f"{under}{name}"[len(folder) :]] = size
            if len(found) > _MOST_FILES or listed + len(folders) > _MOST_FOLDERS:
                raise IntegrityError(
                    self._path,
                    f"at most {_MOST_FILES} files in {_MOST_FOLDERS} folders",
                    "more",
                    "Register the folder that log_model has made, and nothing above it.",
                )
        return found

    def read(self, name: str, limit: int = SMALL) -> bytes | None:
        """The start of a small file, or None."""
        chunks = self._client.chunks(f"{_ROOT}/{self._path}/{name}", 0)
        if chunks is None:
            return None
        found = b""
        for chunk in chunks:
            found += chunk
            if len(found) >= limit:
                break
        return found[:limit]

    def chunks(self, name: str, start: int, size: int | None) -> Iterator[memoryview]:
        """What a file holds from `start` on."""
        chunks = self._client.chunks(f"{_ROOT}/{self._path}/{name}", start)
        if chunks is None:
            raise IntegrityError(name, f"a file in {self.uri}", "none")
        yield from chunks

    def _listed(self, under: str) -> Iterator[tuple[str, int | None]]:
        """Name and size of what is right under `under`; folders have none."""
        path = f"{self._path}/{under}".rstrip("/")
        said = self._client.json(_ROOT, {"path": path})
        try:
            for one in (said or {}).get("files") or []:
                name = str(one["path"])
                if "/" in name:
                    raise IntegrityError(repr(name), "a name", "a path", "Refused.")
                check_relative(name)
                yield name, None if one.get("is_dir") else int(one.get("file_size") or 0)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageUnavailable(f"{self.uri} are listed in a way that is not known") from error
