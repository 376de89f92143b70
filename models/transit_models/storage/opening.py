"""From an address to a store, and from `NAME@VERSION` to its parts.

Neighbours: `local`, `objects`, `oci` and `mlflow` are what is opened.
"""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from transit_models.errors import InvalidReference
from transit_models.storage.protocol import Storage

if TYPE_CHECKING:
    from transit_models.storage.objects.objects import Objects

_BUCKETS = {"s3", "gs", "az"}


def open_storage(uri: str) -> Storage:
    """The store at `uri`: `file:///path` (or a plain path), `s3://bucket/prefix`,
    `gs://bucket/prefix`, `az://container/prefix`, `oci://registry/path`; and to read from,
    `https://host/path` or `mlflow://host`.

    Who asks is in the standard environment variables of each, or in a mounted Secret: see
    `objects.secret`. Nothing is contacted yet.

    Raises `InvalidReference` for any other address.
    """
    parts = urlsplit(uri)
    if parts.scheme in _BUCKETS | {"http", "https"} and parts.netloc:
        # Imported here: a local store needs no library for objects.
        from transit_models.storage.objects.kinds import Web
        from transit_models.storage.objects.objects import Objects
        from transit_models.storage.objects.storage import ObjectStorage

        if parts.scheme in _BUCKETS:
            return ObjectStorage(_bucket(parts, None))
        _check_path(parts)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise InvalidReference(
                f"{parts.scheme}://{parts.hostname}: an address has no account, no '?' and no "
                "'#': HTTP_AUTHORIZATION says who asks"
            )
        return ObjectStorage(Objects(Web(uri)))
    if parts.scheme == "oci":
        from transit_models.storage.oci.storage import OciStorage

        return OciStorage(uri)
    if parts.scheme == "mlflow":
        from transit_models.storage.mlflow.storage import MlflowStorage

        return MlflowStorage(uri)
    if parts.scheme in {"file", ""} and parts.netloc in {"", "localhost"} and parts.path:
        from transit_models.storage.local import LocalStorage

        return LocalStorage(Path(unquote(parts.path) if parts.scheme else uri))
    if parts.scheme == "pvc":
        raise InvalidReference(
            f"{uri!r}: a claim is mounted into the pod by the operator; inside, use file:///MOUNT/PATH"
        )
    raise InvalidReference(
        f"{uri!r} is no store: write file:///path, s3://bucket/prefix, gs://bucket/prefix, "
        "az://container/prefix, oci://registry/path, https://host/path or mlflow://host"
    )


def open_objects(uri: str, secret: Path | None = None) -> "Objects":
    """Plain files at `uri`, which is no store of models: `file:///path` (or a plain path),
    `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.

    Who writes them is in a `secret` that is mounted, or else where that of a store is. Nothing is
    contacted yet. Raises `InvalidReference` for any other address.
    """
    parts = urlsplit(uri)
    if parts.scheme in _BUCKETS and parts.netloc:
        return _bucket(parts, secret)
    if parts.scheme in {"file", ""} and parts.netloc in {"", "localhost"} and parts.path:
        from transit_models.storage.objects.kinds import Folder
        from transit_models.storage.objects.objects import Objects

        path = Path(unquote(parts.path) if parts.scheme else uri)
        return Objects(Folder(str(path.absolute())))
    raise InvalidReference(
        f"{uri!r} can't be written to: write file:///path, s3://bucket/prefix, gs://bucket/prefix "
        "or az://container/prefix"
    )


def _bucket(parts: SplitResult, secret: Path | None) -> "Objects":
    from transit_models.storage.objects.kinds import GCS, S3, Azure, Kind
    from transit_models.storage.objects.objects import Objects
    from transit_models.storage.objects.secret import told, told_by

    _check_path(parts)
    kinds: dict[str, type[Kind]] = {"s3": S3, "gs": GCS, "az": Azure}
    kind = kinds[parts.scheme](parts.netloc, parts.path.strip("/"))
    if secret is None:
        return Objects(kind, told)
    return Objects(kind, lambda: told_by(secret, "config.predictionLog.secretName"))


def _check_path(parts: SplitResult) -> None:
    path = parts.path.strip("/")
    if path and {"", ".", ".."} & set(path.split("/")):
        raise InvalidReference(f"{parts.geturl()!r}: a path has no '..', no '.' and no '//'")


def split_reference(reference: str) -> tuple[str, str | None]:
    """`NAME` or `NAME@VERSION` (or `NAME@ALIAS`) → (name, version or None)."""
    name, at, version = reference.partition("@")
    if at and not version:
        raise InvalidReference(f"{reference!r}: a version or an alias must follow the '@'")
    return name, version or None
