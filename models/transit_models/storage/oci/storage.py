"""The model store in a registry: one repository a model, one tag a version.

A version is there at once, with its tag, which is put last; what it holds is fetched by digest.
Registries have no conditional write, so of two publishers in the very same moment the second may
win unseen, unless the registry itself keeps tags from moving; pods that were told the first one's
digest refuse it then. Neighbours: `source` has what is copied, as of every store that is elsewhere
(`objects.storage`); `registry` what is written.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from transit_models.errors import InvalidReference, StorageUnavailable
from transit_models.integrity import (
    CHECKSUMS,
    SIGNATURES,
    VerifiedVersion,
    read_checksums,
    verify_version,
)
from transit_models.storage.objects.pieces import PARALLEL
from transit_models.storage.objects.storage import RemoteStorage
from transit_models.storage.oci.client import Client
from transit_models.storage.oci.manifests import (
    Blob,
    blob_of,
    config_of,
    file_manifest,
    version_manifest,
)
from transit_models.storage.oci.naming import (
    MARKER_TAG,
    repository_of,
    signatures_tag,
    split_address,
    tag_of,
    version_of,
)
from transit_models.storage.oci.registry import Registry
from transit_models.storage.oci.source import Repositories
from transit_models.storage.publishing import (
    MARKER,
    SCRATCH,
    no_scratch,
    published,
    says_scratch,
    taken,
)
from transit_models.storage.resolution import missing_model, missing_version
from transit_models.versions import check_alias, check_name, parse_version, plain

_SIGNATURES = "application/vnd.transit.signatures.v1"
_STORE = "application/vnd.transit.store.v1"


class OciStorage(RemoteStorage):
    """A `Storage` of the repositories under `oci://HOST/PATH`."""

    objects: Repositories

    def __init__(self, uri: str) -> None:
        super().__init__(Repositories(Registry(Client(*split_address(uri)))))

    @property
    def _registry(self) -> Registry:
        return self.objects.registry

    def versions(self, name: str) -> list[str]:
        """See `Storage.versions`."""
        tags = self._registry.tags(self._repository(name)) or []
        found = [version for tag in tags if (version := version_of(tag))]
        if not found:
            raise missing_model(self.uri, name, self.names())
        return sorted(found, key=parse_version)

    def publish(self, directory: Path, name: str, version: str, *, replace: bool = False) -> bool:
        """See `Storage.publish`."""
        verified = verify_version(directory, name, version)
        version = verified.metadata.version
        if self._has(verified, replace):
            return False
        if replace and not self.scratch:
            raise no_scratch(self.uri, name, version)
        manifest = self._uploaded(verified)
        self._put_signatures(verified)
        if self._has(verified, replace):  # sending it has taken a while
            return False
        try:
            self._registry.put_manifest(self._repository(name), tag_of(version), manifest)
        except StorageUnavailable:
            if not self._has(verified, replace):  # or its tags stay, and somebody was first
                raise
        now = self.objects.version(name, version)
        if now is None or now.content != verified.digest:  # somebody came after
            raise taken(self.uri, name, version, scratch=self.scratch)
        return True

    def _has(self, version: VerifiedVersion, replace: bool) -> bool:
        """Whether it is published. Raises `VersionConflict` for another content in its place."""
        name, number = version.metadata.model_name, version.metadata.version
        there = self.objects.version(name, number)
        if there and there.content == version.digest:
            return True
        if there and not replace:
            raise taken(self.uri, name, number, scratch=self.scratch)
        return False

    def discard(self, name: str, version: str) -> None:
        """See `Storage.discard`: nobody sees blobs without a tag, and the registry clears them."""
        if self.objects.version(name, version):
            raise published(self.uri, name, plain(version))

    @property
    def scratch(self) -> bool:
        """See `Storage.scratch`: a tag of the repository that the address itself names. Where that
        is none of ours there is no mark.
        """
        manifest = self._registry.manifest(self.objects.path, MARKER_TAG, none=(401, 403, 404))
        blob = manifest.files.get(MARKER) if manifest else None
        return says_scratch(self._registry.small(self.objects.path, blob) if blob else None)

    def mark_scratch(self) -> None:
        """See `Storage.mark_scratch`."""
        self._put_file(self.objects.path, MARKER_TAG, _STORE, MARKER, SCRATCH)

    def set_signatures(self, name: str, version: str, signatures: bytes) -> None:
        """See `Storage.set_signatures`."""
        tag = signatures_tag(self.digest(name, version))
        self._put_file(self._repository(name), tag, _SIGNATURES, SIGNATURES, signatures)

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """See `Storage.set_alias`: the same manifest under another tag."""
        check_alias(alias)
        self.resolve(name, plain(version))
        manifest = self.objects.version(name, version)
        if manifest is None:
            raise missing_version(self.uri, name, plain(version), self.versions(name))
        self._registry.put_manifest(self._repository(name), alias, manifest.body)

    def _alias(self, name: str, alias: str) -> str | None:
        manifest = self._registry.manifest(self._repository(name), alias)
        if manifest is None:
            return None
        if manifest.version is None:
            raise InvalidReference(
                f"{self.uri}/{name}:{alias} is something else than a version of a model: set it "
                f"again with transit-models alias {self.uri} {name} {alias} VERSION"
            )
        return manifest.version

    def _repository(self, name: str) -> str:
        return repository_of(self.objects.path, check_name(name))

    def _uploaded(self, version: VerifiedVersion) -> bytes:
        """The manifest of a version whose files are there, several of which were sent at once."""
        directory, metadata = version.directory, version.metadata
        digests = read_checksums(directory) | {CHECKSUMS: version.digest}
        files = {
            name: Blob(f"sha256:{digest}", (directory / name).stat().st_size)
            for name, digest in sorted(digests.items())
        }
        repository = self._repository(metadata.model_name)
        config = config_of(metadata, files)
        self._registry.put_blob(repository, blob_of(config), config)

        def put(name: str) -> None:
            self._registry.put_blob(repository, files[name], directory / name)

        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(put, files))
        return version_manifest(metadata.version, blob_of(config), files)

    def _put_signatures(self, version: VerifiedVersion) -> None:
        """Bring those that stand beside the files, unless it has been signed there."""
        path, tag = version.directory / SIGNATURES, signatures_tag(version.digest)
        repository = self._repository(version.metadata.model_name)
        if path.is_file() and self._registry.manifest(repository, tag) is None:
            self._put_file(repository, tag, _SIGNATURES, SIGNATURES, path.read_bytes())

    def _put_file(self, repository: str, tag: str, kind: str, name: str, body: bytes) -> None:
        for blob in (b"{}", body):
            self._registry.put_blob(repository, blob_of(blob), blob)
        self._registry.put_manifest(repository, tag, file_manifest(kind, name, blob_of(body)))
