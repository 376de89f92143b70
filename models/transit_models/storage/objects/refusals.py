"""What the library says when something goes wrong, as the store's own errors, with advice.

It has classes for few things, and a text of many lines: the status and the code that the storage
answered are read from that. Neighbour: `objects` asks.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import AlreadyExistsError, BaseError

from transit_models.errors import ModelNotFound, ModelStoreError, StorageUnavailable
from transit_models.storage.objects.kinds import Kind
from transit_models.storage.objects.secret import Told

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_CAUSE = re.compile(r'message: "([^"]{1,100})"')  # of the system, such as Connection refused
_QUERY = re.compile(r"(https?://[^\s?]+)\?\S*")  # signatures and tokens stand in it
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}
_UNTRUSTED = ("invalid peer certificate", "certificate verify failed", "UnknownIssuer")
_MOST = 300


@contextmanager
def available(kind: Kind, told: Told) -> Iterator[None]:
    """Raises `ModelStoreError` for what the library raises; two pass: `FileNotFoundError` of an
    object that isn't there, and `AlreadyExistsError`.
    """
    try:
        yield
    except FileNotFoundError as error:
        if code(error) not in _NO_BUCKET:
            raise
        raise _refusal(kind, told, error) from error
    except AlreadyExistsError:
        raise
    except (BaseError, ValueError) as error:
        raise _refusal(kind, told, error) from error


def code(error: Exception) -> str:
    """The code that the storage answered, such as NoSuchBucket, or its status; empty for none."""
    text = str(error)
    found = _CODE.search(text) or _STATUS.search(text)
    return found[1] if found else ""


def _refusal(kind: Kind, told: Told, error: Exception) -> ModelStoreError:
    where = f"{kind.uri} at {kind.endpoint(told) or kind.owner}"
    whole = str(error)
    status = _STATUS.search(whole)
    said = code(error)
    if said in _NO_BUCKET or (status and status[1] == "404"):
        return ModelNotFound(f"{where}: there is no bucket {kind.bucket!r}")
    if status and status[1] in ("401", "403"):
        return StorageUnavailable(
            f"{where} refuses the credentials ({said}): check {kind.account} "
            f"(in a cluster: {told.secret})"
        )
    first = _QUERY.sub(r"\1", whole.split("\n\nDebug source")[0]).replace("\n", " ")[:_MOST]
    if cause := _CAUSE.search(whole):
        first = f"{first}: {cause[1]}"
    if any(sign in whole for sign in _UNTRUSTED):
        return StorageUnavailable(
            f"{where} is not trusted: {first} (an authority of your own is the key ca.crt of "
            f"{told.secret}, or a file that AWS_CA_BUNDLE names)"
        )
    return StorageUnavailable(
        f"{where} cannot be used: {first} ({kind.place} says where, {kind.account} who)"
    )
