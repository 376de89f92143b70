"""The model store in an S3 bucket: AWS, MinIO, or anything that speaks the same.

Neighbours: `protocol` says what it can do; `publishing_s3` writes versions; `s3_client` has who
asks and where. Waits are bounded: 3 s to connect, 20 s without a byte, four attempts with
growing pauses. A version counts as published once its `checksum.sha256` is there, which is written
last.
"""

import fcntl
import hashlib
import logging
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError, SSLError

from transit_models.errors import (
    ContentChanged,
    InvalidReference,
    ModelNotFound,
    ModelStoreError,
    StorageUnavailable,
)
from transit_models.integrity import (
    CHECKSUMS,
    SIGNATURES,
    check_relative,
    digest_of,
    verify_version,
)
from transit_models.storage.publishing import MARKER, SCRATCH, says_scratch
from transit_models.storage.publishing_s3 import discard, publish
from transit_models.storage.resolution import (
    missing_alias,
    missing_model,
    missing_version,
    unfinished,
)
from transit_models.storage.s3_client import ATTEMPTS, PARALLEL, Clients
from transit_models.versions import (
    ALIASES,
    check_alias,
    check_name,
    directory_name,
    is_name,
    is_version,
    parse_version,
    plain,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

log = logging.getLogger(__name__)

_MAX_ALIAS_BYTES = 128
_TRANSFER = TransferConfig(max_concurrency=4, num_download_attempts=3)
_NO_OBJECT = {"NoSuchKey", "404", "NotFound"}
_THERE = {"PreconditionFailed", "412"}
_REFUSED = {
    "403",
    "AccessDenied",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
}


class S3Storage:
    """A `Storage` under `prefix` in `bucket`; `client` None: `s3_client` gives one."""

    def __init__(self, bucket: str, prefix: str = "", client: "S3Client | None" = None) -> None:
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        self._given = client
        self._clients = Clients()

    @property
    def uri(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def names(self) -> list[str]:
        """See `Storage.names`."""
        return sorted(name for name in self._folders("") if is_name(name))

    def versions(self, name: str) -> list[str]:
        """See `Storage.versions`."""
        found = self._published(check_name(name))
        if not found:
            raise missing_model(self.uri, name, self.names())
        return found

    def _published(self, name: str) -> list[str]:
        """The versions whose checksums are there, which are written last; lowest first."""
        folders = (
            key.removesuffix("/" + CHECKSUMS)
            for key in self.keys(name + "/")
            if key.count("/") == 1 and key.endswith("/" + CHECKSUMS)
        )
        found = [
            folder[1:]
            for folder in folders
            if folder.startswith("v")
            and is_version(folder[1:])
            and folder == directory_name(folder)
        ]
        return sorted(found, key=parse_version)

    def aliases(self, name: str) -> dict[str, str]:
        """See `Storage.aliases`."""
        found = {alias: self._alias(check_name(name), alias) for alias in ALIASES}
        return {alias: version for alias, version in found.items() if version is not None}

    def resolve(self, name: str, version_or_alias: str) -> str:
        """See `Storage.resolve`."""
        if is_version(version_or_alias):
            version = plain(version_or_alias)
        else:
            target = self._alias(check_name(name), check_alias(version_or_alias))
            if target is None:
                raise missing_alias(self.uri, name, version_or_alias, self.versions(name))
            version = target
        if version not in self._published(check_name(name)):
            raise self._unpublished(name, version)
        return version

    def digest(self, name: str, version: str) -> str:
        """See `Storage.digest`."""
        published = self.read(f"{check_name(name)}/{directory_name(version)}/{CHECKSUMS}")
        if published is None:
            raise self._unpublished(name, plain(version))
        return hashlib.sha256(published).hexdigest()

    def fetch(self, name: str, version: str, into: Path, digest: str | None = None) -> Path:
        """See `Storage.fetch`.

        A copy that is there already, intact and of the same checksums as the store's, is used
        again; also when the store does not answer, so that a pod restarts while the store is down.
        """
        version = plain(version)
        target = into / check_name(name) / directory_name(version)
        with _alone(target):
            return self._fetch(name, version, target, digest)

    def _fetch(self, name: str, version: str, target: Path, digest: str | None) -> Path:
        folder = f"{name}/{directory_name(version)}/"
        cached = self._intact(target, name, version)
        if cached and digest == digest_of(target):
            return target  # whatever the store has by now
        try:
            published = self.read(folder + CHECKSUMS)
            if published is None:
                raise self._unpublished(name, version)
            found = hashlib.sha256(published).hexdigest()
            if digest is not None and digest != found:
                raise ContentChanged(self.uri, name, version, digest, found)
            if cached and found == digest_of(target):
                return target
            self._download(folder, target)
        except StorageUnavailable as error:
            if not cached:
                raise
            log.warning("%s; using the verified copy in %s", error, target)
        return target

    def publish(self, directory: Path, name: str, version: str, *, replace: bool = False) -> bool:
        """See `Storage.publish`, and `publishing_s3`."""
        return publish(self, directory, name, version, replace=replace)

    def discard(self, name: str, version: str) -> None:
        """See `Storage.discard`."""
        discard(self, name, version)

    @property
    def scratch(self) -> bool:
        """See `Storage.scratch`."""
        return says_scratch(self.read(MARKER))

    def mark_scratch(self) -> None:
        """See `Storage.mark_scratch`."""
        self.put_new(MARKER, SCRATCH)

    def signatures(self, name: str, version: str) -> bytes:
        """See `Storage.signatures`."""
        folder = f"{check_name(name)}/{directory_name(version)}/"
        return self.read(folder + SIGNATURES) or b""

    def set_signatures(self, name: str, version: str, signatures: bytes) -> None:
        """See `Storage.set_signatures`."""
        folder = f"{name}/{directory_name(self.resolve(name, plain(version)))}/"
        with self._available():
            self._client.put_object(
                Bucket=self.bucket, Key=self._key(folder + SIGNATURES), Body=signatures
            )

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """See `Storage.set_alias`."""
        check_alias(alias)
        target = directory_name(self.resolve(name, plain(version)))
        with self._available():
            self._client.put_object(
                Bucket=self.bucket,
                Key=self._key(f"{name}/{alias}"),
                Body=target.encode(),
                ContentType="text/plain",
            )

    def create_bucket(self) -> None:
        """Make the bucket if there is none. For development stores; a real one has its owner."""
        with self._available():
            try:
                self._client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                if _code(error) not in {"404", "NoSuchBucket"}:
                    raise
                self._client.create_bucket(Bucket=self.bucket)

    # ---- objects ----

    @property
    def _client(self) -> "S3Client":
        return self._given or self._clients.get()

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def _folders(self, under: str) -> list[str]:
        """The names of the "directories" right under `under` (which is empty or ends with '/')."""
        prefix = self._key(under)
        prefix = prefix + "/" if prefix and not prefix.endswith("/") else prefix
        pages = self._client.get_paginator("list_objects_v2")
        with self._available():
            return [
                item["Prefix"].removeprefix(prefix).rstrip("/")
                for page in pages.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/")
                for item in page.get("CommonPrefixes", [])
            ]

    def keys(self, folder: str) -> dict[str, int]:
        """All objects under `folder` (ends with '/'): relative name → size in bytes."""
        prefix = self._key(folder)
        pages = self._client.get_paginator("list_objects_v2")
        with self._available():
            return {
                item["Key"].removeprefix(prefix): item["Size"]
                for page in pages.paginate(Bucket=self.bucket, Prefix=prefix)
                for item in page.get("Contents", [])
                if not item["Key"].endswith("/")
            }

    def read(self, name: str, limit: int = 16 * 1024 * 1024) -> bytes | None:
        """The start of a small object (without the prefix: `NAME/stable`), or None."""
        with self._available():
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=self._key(name))
                return answer["Body"].read(limit)
            except ClientError as error:
                if _code(error) in _NO_OBJECT:
                    return None
                raise

    def put_new(self, name: str, body: bytes) -> bool:
        """Put a small object if there is none; False when there is one. Of two at once, one is
        first.
        """
        with self._available():
            for _ in range(ATTEMPTS):
                try:
                    self._client.put_object(
                        Bucket=self.bucket, Key=self._key(name), Body=body, IfNoneMatch="*"
                    )
                except ClientError as error:
                    if _code(error) in _THERE:
                        return False
                    if _code(error) != "ConditionalRequestConflict":  # another one's is under way
                        raise
                else:
                    return True
        raise StorageUnavailable(f"{self.uri}/{name}: others write it again and again")

    def delete(self, name: str) -> None:
        """Delete an object; none is fine."""
        with self._available():
            self._client.delete_object(Bucket=self.bucket, Key=self._key(name))

    def upload(self, files: Mapping[str, Path]) -> None:
        """Put files under the names that they map from, several at once."""

        def put(item: tuple[str, Path]) -> None:
            name, path = item
            self._client.upload_file(str(path), self.bucket, self._key(name), Config=_TRANSFER)

        with self._available(), ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(put, files.items()))

    def _alias(self, name: str, alias: str) -> str | None:
        """What the alias holds, as a plain version, or None when it is not set."""
        raw = self.read(f"{name}/{alias}", _MAX_ALIAS_BYTES)
        if raw is None:
            return None
        text = raw.decode("utf-8", "replace").strip()
        if not is_version(text):
            raise InvalidReference(
                f"{self.uri}/{name}/{alias} holds {text[:80]!r}, which is no version: "
                f"set it again with transit-models alias {self.uri} {name} {alias} VERSION"
            )
        return plain(text)

    # ---- fetching ----

    def _intact(self, target: Path, name: str, version: str) -> bool:
        if not target.is_dir():
            return False
        try:
            verify_version(target, name, version)
        except ModelStoreError as error:
            log.warning("the cached copy in %s is not intact (%s); fetching again", target, error)
            return False
        return True

    def _unpublished(self, name: str, version: str) -> ModelStoreError:
        """Why there is no checksum file: no such version, or one that is half published."""
        if self.keys(f"{name}/{directory_name(version)}/"):
            return unfinished(self.uri, name, version)
        return missing_version(self.uri, name, version, self.versions(name))

    def _download(self, folder: str, target: Path) -> None:
        """Download all of `folder` beside `target`, then rename: `target` is whole or not there."""
        names = [check_relative(name) for name in self.keys(folder)]
        try:
            self._download_files(folder, names, target)
        except OSError as error:
            raise StorageUnavailable(
                f"cannot keep {self.uri}/{folder} in {target}: {error}"
            ) from error

    def _download_files(self, folder: str, names: list[str], target: Path) -> None:
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
            whole = Path(scratch) / "new"

            def download(name: str) -> None:
                path = whole / name
                path.parent.mkdir(parents=True, exist_ok=True)
                self._client.download_file(
                    self.bucket, self._key(folder + name), str(path), Config=_TRANSFER
                )

            with self._available(), ThreadPoolExecutor(PARALLEL) as pool:
                list(pool.map(download, names))
            if target.exists():
                target.rename(Path(scratch) / "old")
            whole.rename(target)

    @contextmanager
    def _available(self) -> Iterator[None]:
        """Turn what boto3 says into the store's own errors, with advice."""
        where = f"{self.uri} at {self._clients.endpoint or 'AWS'}"
        try:
            yield
        except ClientError as error:
            code = _code(error)
            if code == "NoSuchBucket":
                raise ModelNotFound(f"{where}: there is no bucket {self.bucket!r}") from error
            if code in _REFUSED:
                raise StorageUnavailable(
                    f"{where} refuses the credentials ({code}): check AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY (in a ModelDeployment: storage.secretName)"
                ) from error
            raise StorageUnavailable(f"{where}: {error}") from error
        except SSLError as error:
            raise StorageUnavailable(
                f"{where} is not trusted: {error} (an authority of your own is the key ca.crt of "
                "storage.secretName, or a file that AWS_CA_BUNDLE names)"
            ) from error
        except (BotoCoreError, Boto3Error) as error:
            raise StorageUnavailable(
                f"{where} cannot be used: {error} (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY say where and who)"
            ) from error


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


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
