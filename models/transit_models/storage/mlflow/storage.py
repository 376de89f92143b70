"""The model store in MLflow's registry: read only, a number a version, any alias.

Neighbours: `registry` says what there is and where its files are, `contents` makes a version of
them. A folder that has a `checksum.sha256` of its own is a version already, as `pack` makes them,
and taken as it is.
"""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from transit_models.errors import (
    ContentChanged,
    IntegrityError,
    InvalidReference,
    ModelNotFound,
    StorageUnavailable,
)
from transit_models.integrity import CHECKSUMS, SIGNATURES, VerifiedVersion, verify_version
from transit_models.storage.copies import Copies
from transit_models.storage.mlflow.artifacts import Artifacts
from transit_models.storage.mlflow.client import Client
from transit_models.storage.mlflow.contents import Contents, read_contents
from transit_models.storage.mlflow.naming import (
    LATEST,
    check_alias,
    is_number,
    number_of,
    split_address,
    version_of,
)
from transit_models.storage.mlflow.registry import Registry
from transit_models.storage.objects.downloading import download
from transit_models.storage.objects.source import Source
from transit_models.storage.opening import open_objects
from transit_models.storage.resolution import missing_model, missing_version
from transit_models.versions import check_name, is_name, is_version, plain

_OBJECTS = ("s3", "gs")
_PROXIED = "mlflow-artifacts"


@dataclass(frozen=True)
class _Files:
    """Those of a version, at one moment: where they are, and their sizes."""

    place: Source
    sizes: dict[str, int]

    @property
    def sealed(self) -> bool:
        """Whether they are a version as `pack` makes them, with checksums of its own."""
        return CHECKSUMS in self.sizes


class MlflowStorage(Copies):
    """A `Storage` of the models that are registered at `mlflow://HOST/PREFIX`."""

    def __init__(self, uri: str) -> None:
        self._client = Client(split_address(uri))
        self._registry = Registry(self._client)

    @property
    def uri(self) -> str:
        """The address it was opened with."""
        return self._client.uri

    def names(self) -> list[str]:
        """See `Storage.names`: those that can be names here."""
        return sorted(name for name in self._registry.models() if is_name(name))

    def versions(self, name: str) -> list[str]:
        """See `Storage.versions`."""
        numbers = self._registry.numbers(check_name(name))
        if not numbers:
            raise missing_model(self.uri, name, self.names())
        return [version_of(number) for number in numbers]

    def aliases(self, name: str) -> dict[str, str]:
        """See `Storage.aliases`. That `latest` is the highest number needs no alias."""
        return {alias: version_of(number) for alias, number in self._aliases(name).items()}

    def resolve(self, name: str, version_or_alias: str) -> str:
        """See `Storage.resolve`; MLflow's own number will do, too."""
        if is_number(version_or_alias) or is_version(version_or_alias):
            number = number_of(version_or_alias.removeprefix("v"))
        elif version_or_alias == LATEST:
            return self.versions(name)[-1]
        else:
            number = self._named(name, check_alias(version_or_alias))
        status = None if number is None else self._registry.status(check_name(name), number)
        if number is None or status is None:
            asked = plain(version_or_alias) if number is None else version_of(number)
            raise missing_version(self.uri, name, asked, self.versions(name))
        if status:
            raise IntegrityError(
                f"{name} {version_of(number)}", "READY", status.strip()[:200], "Register it again."
            )
        return version_of(number)

    def digest(self, name: str, version: str) -> str:
        """See `Storage.digest`: all of the files are read for it, unless they bring checksums."""
        files = self._files(name, version)
        if files.sealed:
            return hashlib.sha256(_published(files)).hexdigest()
        return read_contents(files.place, files.sizes, name, plain(version)).digest

    def _fetch(
        self,
        name: str,
        version: str,
        target: Path,
        digest: str | None,
        cached: VerifiedVersion | None,
    ) -> VerifiedVersion:
        """See `Copies._fetch`."""
        files = self._files(name, version)
        if files.sealed:
            published = _published(files)
            self._must_be(name, version, digest, hashlib.sha256(published).hexdigest())
            hashed = download(files.place, "", published, target)
        else:
            hashed = self._brought(files, name, version, target, digest).hashed
        return verify_version(target, name, version, hashed)

    def _brought(
        self, files: _Files, name: str, version: str, target: Path, digest: str | None
    ) -> Contents:
        """The files at `target`, which is whole or not there. Each is read once, so another content
        is known when all of it was read.
        """
        part = target.with_name(f".fetch-{target.name}-whole")
        try:
            shutil.rmtree(part, ignore_errors=True)  # of a container that was killed
            part.mkdir()
            found = read_contents(files.place, files.sizes, name, version, part)
            self._must_be(name, version, digest, found.digest)
            if target.exists():
                shutil.rmtree(target)
            part.rename(target)
        except OSError as error:
            raise StorageUnavailable(
                f"cannot keep {name} {version} in {target}: {error}"
            ) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)  # renamed, there is nothing
        return found

    def _must_be(self, name: str, version: str, digest: str | None, found: str) -> None:
        if digest is not None and found != digest:
            raise ContentChanged(self.uri, name, version, digest, found)

    def _files(self, name: str, version: str) -> _Files:
        number = number_of(plain(version))
        place = None if number is None else self._registry.place(check_name(name), number)
        if place is None:
            raise missing_version(self.uri, name, plain(version), self.versions(name))
        source = self._place(place, f"{name} {plain(version)}")
        return _Files(source, dict(source.keys("")))

    def _place(self, address: str, which: str) -> Source:
        """Where the files of a version are, by what the registry says. Nothing but this server and
        stores of objects, whose accounts are their own, is asked for them.
        """
        parts = urlsplit(address)
        path = unquote(parts.path).strip("/")
        ours = parts.netloc in ("", self._client.address.host)
        if parts.scheme == _PROXIED and ours and not {"", ".", ".."} & set(path.split("/")):
            return Artifacts(self._client, path)
        if parts.scheme in _OBJECTS:
            return open_objects(address)
        raise InvalidReference(
            f"{self.uri}: the files of {which} are at {address[:200]}, which is not asked: only "
            f"{_PROXIED}:/ of this server (mlflow server --artifacts-destination), s3:// and gs:// "
            "are. Log the model again where the server keeps its artifacts so"
        )

    def _aliases(self, name: str) -> dict[str, int]:
        found = self._registry.aliases(check_name(name))
        if found is None:
            raise missing_model(self.uri, name, self.names())
        return dict(found)

    def _named(self, name: str, alias: str) -> int:
        aliases = self._aliases(name)
        if alias not in aliases:
            known = ", ".join(sorted({*aliases, LATEST}))
            raise ModelNotFound(
                f"{self.uri}: {name} has no alias {alias!r}. It has: {known}. Set it in MLflow: "
                f"MlflowClient().set_registered_model_alias({name!r}, {alias!r}, VERSION)"
            )
        return aliases[alias]

    @property
    def scratch(self) -> bool:
        """See `Storage.scratch`."""
        return False

    def signatures(self, name: str, version: str) -> bytes:
        """See `Storage.signatures`: those that were logged with the version."""
        files = self._files(name, version)
        return (files.place.read(SIGNATURES) or b"") if files.sealed else b""

    def publish(self, directory: Path, name: str, version: str, *, replace: bool = False) -> bool:
        """See `Storage.publish`: refused, as is all that writes."""
        self._refuse("log_model(…, registered_model_name=…) of MLflow makes a version")

    def discard(self, name: str, version: str) -> None:
        """See `Storage.discard`."""
        self._refuse("MlflowClient().delete_model_version(…) removes one")

    def mark_scratch(self) -> None:
        """See `Storage.mark_scratch`."""
        self._refuse("try things out in a directory or a bucket")

    def set_signatures(self, name: str, version: str, signatures: bytes) -> None:
        """See `Storage.set_signatures`."""
        self._refuse("sign a version that pack has made, and log its folder as it is")

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """See `Storage.set_alias`."""
        self._refuse("MlflowClient().set_registered_model_alias(…) moves an alias")

    def _refuse(self, instead: str) -> NoReturn:
        raise InvalidReference(f"{self.uri} is only read: {instead}")


def _published(files: _Files) -> bytes:
    published = files.place.read(CHECKSUMS)
    if published is None:
        raise IntegrityError(CHECKSUMS, "a file, as listed", "none")
    return published
