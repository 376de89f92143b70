"""From an address to a store, and from `NAME@VERSION` to its parts.

Neighbours: `local` and `s3` are what is opened.
"""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from transit_models.errors import InvalidReference
from transit_models.storage.protocol import Storage


def open_storage(uri: str) -> Storage:
    """The store at `uri`: `file:///path` (or a plain path), or `s3://bucket/prefix`.

    S3 takes credentials, region and endpoint from the standard environment variables
    (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL for MinIO and others).
    Nothing is contacted yet.

    Raises `InvalidReference` for any other address.
    """
    parts = urlsplit(uri)
    if parts.scheme == "s3" and parts.netloc:
        # Imported here: boto3 takes 0.3 s and 30 MB that a local store does not need.
        from transit_models.storage.s3 import S3Storage

        return S3Storage(parts.netloc, parts.path)
    if parts.scheme in {"file", ""} and parts.netloc in {"", "localhost"} and parts.path:
        from transit_models.storage.local import LocalStorage

        return LocalStorage(Path(unquote(parts.path) if parts.scheme else uri))
    if parts.scheme == "pvc":
        raise InvalidReference(
            f"{uri!r}: a claim is mounted into the pod by the operator; inside, use file:///MOUNT/PATH"
        )
    raise InvalidReference(f"{uri!r} is no store: write file:///path or s3://bucket/prefix")


def split_reference(reference: str) -> tuple[str, str | None]:
    """`NAME` or `NAME@VERSION` (or `NAME@ALIAS`) → (name, version or None)."""
    name, at, version = reference.partition("@")
    if at and not version:
        raise InvalidReference(f"{reference!r}: a version or an alias must follow the '@'")
    return name, version or None
