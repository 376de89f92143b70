"""Makes a bucket, for development stores; a real one has its owner.

The library has no call for it, so S3 gets a request that the library signs. Neighbour: the command
`publish --create-bucket`.
"""

import ssl
import urllib.request
from datetime import timedelta
from urllib.error import HTTPError, URLError

import obstore

from transit_models.errors import InvalidReference, StorageUnavailable
from transit_models.storage.objects.kinds import S3
from transit_models.storage.objects.storage import ObjectStorage
from transit_models.storage.protocol import Storage


def create_bucket(storage: Storage) -> None:
    """Make the bucket if there is none. Raises `InvalidReference` for other kinds than S3."""
    if not isinstance(storage, ObjectStorage) or not isinstance(storage.objects.kind, S3):
        raise InvalidReference(f"--create-bucket: {storage.uri} is no bucket of S3")
    kind, now = storage.objects.kind, storage.objects.tell()
    url = obstore.sign(S3(kind.bucket).store(now), "PUT", "", timedelta(minutes=1))
    authority = now.authority
    context = ssl.create_default_context(cadata=authority) if authority else None
    try:
        request = urllib.request.Request(url, method="PUT")  # noqa: S310 - https or what was told
        with urllib.request.urlopen(request, timeout=20, context=context):  # noqa: S310
            return
    except HTTPError as error:
        if error.code != 409:  # it is there
            raise StorageUnavailable(
                f"{storage.uri}: the bucket can't be made: {error.code} {error.reason}"
            ) from error
    except URLError as error:
        raise StorageUnavailable(
            f"{storage.uri}: the bucket can't be made: {error.reason}"
        ) from error
