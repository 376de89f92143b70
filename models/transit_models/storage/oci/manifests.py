"""Manifests: which files a version has, in the format of CNCF's ModelPack.

Pure: what is written of a version, and read of what a registry has. Each file is a layer of its
own, as it is. `checksum.sha256` is one of them, so the digest of that layer is the version's.
Neighbours: `storage` publishes them, `source` reads them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transit_models.errors import IntegrityError
from transit_models.integrity import CHECKSUMS, check_relative
from transit_models.metadata import ModelMetadata
from transit_models.versions import is_version, plain

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
KNOWN = (
    MANIFEST,
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MODEL = "application/vnd.cncf.model.manifest.v1+json"
_CONFIG = "application/vnd.cncf.model.config.v1+json"
_WEIGHTS = "application/vnd.cncf.model.weight.v1.raw"
_BESIDE = "application/vnd.cncf.model.weight.config.v1.raw"
_PATH = "org.cncf.model.filepath"
_TITLE = "org.opencontainers.image.title"  # what `oras pull` calls a file
_VERSION = "org.opencontainers.image.version"
_EMPTY = "application/vnd.oci.empty.v1+json"
_DIGEST = "sha256:"


@dataclass(frozen=True)
class Blob:
    """What a registry has under a digest (`sha256:HEX`)."""

    digest: str
    size: int

    def described(self, kind: str, **more: Any) -> dict[str, Any]:
        """As a manifest names it."""
        return {"mediaType": kind, "digest": self.digest, "size": self.size, **more}


@dataclass(frozen=True)
class Manifest:
    """What a tag points at. Of something else than a version, `files` may be empty."""

    digest: str
    body: bytes
    kind: str
    version: str | None
    files: Mapping[str, Blob]

    @property
    def content(self) -> str | None:
        """The digest of the version's content, as `integrity.digest_of` says it."""
        checksums = self.files.get(CHECKSUMS)
        return checksums.digest.removeprefix(_DIGEST) if checksums else None


def blob_of(body: bytes) -> Blob:
    """What `body` is called."""
    return Blob(_DIGEST + hashlib.sha256(body).hexdigest(), len(body))


def config_of(metadata: ModelMetadata, files: Mapping[str, Blob]) -> bytes:
    """What ModelPack asks to be said of a model."""
    return _json(
        {
            "descriptor": {"name": metadata.model_name, "version": metadata.version},
            "modelfs": {"type": "layers", "diffIds": [files[name].digest for name in files]},
            "config": {"format": metadata.framework},
        }
    )


def version_manifest(version: str, config: Blob, files: Mapping[str, Blob]) -> bytes:
    """The manifest of a version. The same content has the same one, whoever writes it."""
    return _manifest(
        MODEL,
        config.described(_CONFIG),
        [
            blob.described(
                _BESIDE if name.endswith((".json", ".sha256")) else _WEIGHTS,
                annotations={_PATH: name, _TITLE: name},
            )
            for name, blob in files.items()
        ],
        version,
    )


def file_manifest(kind: str, name: str, blob: Blob) -> bytes:
    """The manifest of one file of `kind`; its configuration is the empty one, `{}`."""
    layers = [blob.described(kind, annotations={_TITLE: name})]
    return _manifest(kind, blob_of(b"{}").described(_EMPTY), layers)


def read_manifest(body: bytes) -> Manifest:
    """What the manifest says. Raises `IntegrityError` for one that names a file twice, or outside
    the version.
    """
    digest = blob_of(body).digest
    try:
        said = json.loads(body)
        annotations = said.get("annotations") or {}
        named = [
            (_path(layer.get("annotations") or {}), Blob(layer["digest"], int(layer["size"])))
            for layer in said.get("layers") or []
        ]
        version = annotations.get(_VERSION)
        kind = str(said.get("artifactType") or said.get("mediaType") or "")
    except (ValueError, TypeError, AttributeError, KeyError):
        return Manifest(digest, body, "", None, {})
    files: dict[str, Blob] = {}
    for name, blob in named:
        if not name or not blob.digest.startswith(_DIGEST):
            continue  # no file of ours
        if check_relative(name) in files:
            raise IntegrityError(name, "one layer", "two")
        files[name] = blob
    known = plain(version) if isinstance(version, str) and is_version(version) else None
    return Manifest(digest, body, kind, known, files)


def _path(annotations: Mapping[str, Any]) -> str:
    return str(annotations.get(_PATH) or annotations.get(_TITLE) or "")


def _manifest(
    kind: str, config: dict[str, Any], layers: list[dict[str, Any]], version: str | None = None
) -> bytes:
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": kind,
            "config": config,
            "layers": layers,
            **({"annotations": {_VERSION: version}} if version else {}),
        }
    )


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
