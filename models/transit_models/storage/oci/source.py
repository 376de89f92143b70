"""The files of versions in a registry, for what copies them.

Neighbours: `registry` brings manifests and blobs; `objects.downloading` and `objects.storage` read.
"""

from collections.abc import Iterator, Mapping

from transit_models.errors import IntegrityError
from transit_models.integrity import SIGNATURES
from transit_models.storage.objects.source import SMALL
from transit_models.storage.oci.manifests import Blob, Manifest
from transit_models.storage.oci.naming import repository_of, signatures_tag, tag_of
from transit_models.storage.oci.registry import Registry


class Repositories:
    """A `Source`: `NAME/v1.1.0/FILE` is a layer of what the tag `1.1.0` of `NAME` points at."""

    lists = True

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.uri = registry.uri
        self.path = registry.client.path

    def folders(self, under: str = "") -> list[str]:
        """The models that the registry tells of."""
        start = f"{self.path}/"
        found = (name[len(start) :] for name in self.registry.catalog() if name.startswith(start))
        return [name for name in found if "/" not in name]

    def keys(self, folder: str) -> Mapping[str, int]:
        """The files of a version, `NAME/v1.1.0/`; none if there is no such version."""
        name, version = folder.rstrip("/").split("/")
        manifest = self.version(name, version)
        if manifest and not manifest.files:
            raise IntegrityError(
                f"{self.uri}/{name}:{tag_of(version)}",
                "a version of a model",
                manifest.kind or "something else",
                "Publish the model in another repository, or under another version.",
            )
        return {file: blob.size for file, blob in manifest.files.items()} if manifest else {}

    def read(self, name: str, limit: int = SMALL) -> bytes | None:
        """The start of a small file of a version, or None."""
        repository, blob = self._file(name)
        return self.registry.small(repository, blob, limit) if blob else None

    def chunks(self, name: str, start: int, size: int | None) -> Iterator[memoryview]:
        """What a file of a version holds from `start` on."""
        repository, blob = self._file(name)
        if blob is None:
            raise IntegrityError(name, f"a file in {self.uri}", "none", "Publish it again.")
        yield from self.registry.chunks(repository, blob, start, size)

    def version(self, name: str, version: str) -> Manifest | None:
        """The manifest of a version."""
        return self.registry.manifest(repository_of(self.path, name), tag_of(version))

    def _file(self, path: str) -> tuple[str, Blob | None]:
        name, version, file = path.split("/", 2)
        repository, manifest = repository_of(self.path, name), self.version(name, version)
        if manifest and manifest.content and file == SIGNATURES:
            manifest = self.registry.manifest(repository, signatures_tag(manifest.content))
        return repository, manifest.files.get(file) if manifest else None
