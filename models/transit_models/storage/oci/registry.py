"""The API of registries, as far as it is needed: manifests under tags, blobs under digests.

Neighbours: `client` asks, `manifests` reads what comes; `source` and `storage` make a store of
models of it. Specified by opencontainers/distribution-spec.
"""

import hashlib
import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urlencode, urljoin

from transit_models.counting import counted
from transit_models.errors import IntegrityError, InvalidReference, StorageUnavailable
from transit_models.storage.objects.pieces import in_order
from transit_models.storage.objects.source import SMALL
from transit_models.storage.oci.client import Client, Interrupted
from transit_models.storage.oci.manifests import KNOWN, MANIFEST, Blob, Manifest, read_manifest

_TRIES = 3
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
_CATALOG = "registry:catalog:*"


class Registry:
    """The repositories under `client.path`. Any number of threads may ask."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.uri = client.uri
        self._lock = threading.Lock()
        self._manifests: dict[str, Manifest] = {}  # what is under a digest never changes

    def manifest(
        self, repository: str, tag: str, none: tuple[int, ...] = (404,)
    ) -> Manifest | None:
        """What the tag points at now; None for a status in `none`. Raises `IntegrityError` when it
        is not what it is called.
        """
        digest = self._digest(repository, tag, none)
        if digest is None:
            return None
        with self._lock:
            known = self._manifests.get(digest)
        if known is None:
            known = self._manifest(repository, digest)
            with self._lock:
                self._manifests[digest] = known
        return known

    def _digest(self, repository: str, tag: str, none: tuple[int, ...] = (404,)) -> str | None:
        url, accept = f"/v2/{repository}/manifests/{tag}", {"Accept": ", ".join(KNOWN)}
        with self.client.asked("HEAD", url, _pull(repository), accept, none=none) as answer:
            if answer is None:
                return None
            digest = answer.headers.get("Docker-Content-Digest")
        if not digest or not digest.startswith("sha256:"):
            raise StorageUnavailable(f"{self.uri} does not say the SHA-256 of what a tag points at")
        return digest

    def _manifest(self, repository: str, digest: str) -> Manifest:
        url, accept = f"/v2/{repository}/manifests/{digest}", {"Accept": ", ".join(KNOWN)}
        with self.client.asked("GET", url, _pull(repository), accept) as answer:
            body = answer.read(SMALL) if answer is not None else b""
        found = read_manifest(body)
        if found.digest != digest:
            raise IntegrityError(f"the manifest in {repository}", digest, found.digest)
        return found

    def tags(self, repository: str) -> list[str] | None:
        """All tags of a repository; None if there is no such repository."""
        found: list[str] = []
        pages = self._pages(f"/v2/{repository}/tags/list?n=1000", _pull(repository), (404,))
        for page in pages:
            if page is None:
                return None
            found += page.get("tags") or []
        return found

    def catalog(self) -> list[str]:
        """All repositories of the registry. Raises `InvalidReference` where it doesn't tell."""
        found: list[str] = []
        for page in self._pages("/v2/_catalog?n=1000", _CATALOG, (401, 403, 404, 405)):
            if page is None:
                raise InvalidReference(
                    f"{self.uri} can't be asked which models it has, as most registries of clouds: "
                    "name each model"
                )
            found += page.get("repositories") or []
        return found

    def _pages(
        self, url: str, scope: str, none: tuple[int, ...]
    ) -> Iterator[dict[str, list[str] | None] | None]:
        place: str | None = url
        while place:
            with self.client.asked("GET", place, scope, none=none) as answer:
                if answer is None:
                    yield None
                    return
                try:
                    page = json.loads(answer.read(SMALL))
                except ValueError as error:
                    raise StorageUnavailable(f"{self.uri}{url} is no JSON") from error
                more = _NEXT.search(answer.headers.get("Link", ""))
                place = urljoin(place, more[1]) if more else None
            yield page

    def small(self, repository: str, blob: Blob, limit: int = SMALL) -> bytes:
        """The start of a blob. Raises `IntegrityError` if there is none, or of another content."""
        found = b""
        for chunk in self.chunks(repository, blob, 0, min(blob.size, limit)):
            found += chunk
        if blob.size <= limit and hashlib.sha256(found).hexdigest() != blob.digest[7:]:
            raise IntegrityError(blob.digest, "what it is called", "other content")
        return found

    def chunks(
        self, repository: str, blob: Blob, start: int, size: int | None = None
    ) -> Iterator[memoryview]:
        """What a blob holds from `start` on, in order, a few pieces ahead of who takes them.

        It isn't verified here. Raises `IntegrityError` if there is none.
        """
        size = blob.size if size is None else size
        if start >= size:
            return

        def piece(at: int, end: int) -> memoryview:
            return memoryview(self._piece(repository, blob, at, end))

        yield from in_order(piece, start, size)

    def _piece(self, repository: str, blob: Blob, at: int, end: int) -> bytes:
        for _ in range(_TRIES - 1):
            try:
                return self._part(repository, blob, at, end)
            except Interrupted:
                continue
        return self._part(repository, blob, at, end)

    def _part(self, repository: str, blob: Blob, at: int, end: int) -> bytes:
        url, part = f"/v2/{repository}/blobs/{blob.digest}", {"Range": f"bytes={at}-{end - 1}"}
        with self.client.asked("GET", url, _pull(repository), part) as answer:
            if answer is None:
                raise IntegrityError(
                    blob.digest, f"a blob in {self.uri}", "none", "Publish the version again."
                )
            if answer.status != 206 and (at, end) != (0, blob.size):
                raise StorageUnavailable(f"{self.uri} has no ranges of blobs, which are needed")
            found = answer.read(end - at)
        if len(found) != end - at:
            raise IntegrityError(
                blob.digest, counted(blob.size, "byte"), counted(at + len(found), "byte")
            )
        return found

    def put_blob(self, repository: str, blob: Blob, body: bytes | Path) -> None:
        """Bring a blob there, if it isn't."""
        scope, url = _push(repository), f"/v2/{repository}/blobs/{blob.digest}"
        with self.client.asked("HEAD", url, scope) as answer:
            if answer is not None:
                return
        if isinstance(body, bytes):
            self._upload(repository, blob, io.BytesIO(body))
            return
        with body.open("rb") as file:
            self._upload(repository, blob, file)

    def _upload(self, repository: str, blob: Blob, body: IO[bytes]) -> None:
        scope = _push(repository)
        begin = f"/v2/{repository}/blobs/uploads/"
        with self.client.asked("POST", begin, scope, body=b"", none=()) as answer:
            assert answer is not None
            place = urljoin(begin, answer.headers.get("Location", ""))
        place += ("&" if "?" in place else "?") + urlencode({"digest": blob.digest})
        headers = {"Content-Length": str(blob.size), "Content-Type": "application/octet-stream"}
        with self.client.asked("PUT", place, scope, headers, body, none=()):
            return

    def put_manifest(self, repository: str, tag: str, body: bytes) -> None:
        """Have the tag point at this manifest, wherever it points now."""
        url, kind = f"/v2/{repository}/manifests/{tag}", {"Content-Type": MANIFEST}
        with self.client.asked("PUT", url, _push(repository), kind, body, none=()):
            return


def _pull(repository: str) -> str:
    return f"repository:{repository}:pull"


def _push(repository: str) -> str:
    return f"repository:{repository}:pull,push"
