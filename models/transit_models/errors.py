"""The errors of the model store: one base, few kinds, each message says what to do.

Neighbours: raised by every module of this package; the server turns any `ModelStoreError` into a
failed start with the message in its log, the command line into exit code 1.
"""


class ModelStoreError(Exception):
    """Base of everything the store raises on purpose."""


class InvalidReference(ModelStoreError, ValueError):
    """A store address, model name, version or alias that cannot mean anything."""


class ModelNotFound(ModelStoreError):
    """The store answers, but has no such model, version or alias."""


class VersionConflict(ModelStoreError):
    """The version is published already, with other content; versions never change."""


class StorageUnavailable(ModelStoreError):
    """The store does not answer, or refuses us. Worth trying again later."""


class InvalidMetadata(ModelStoreError):
    """`metadata.json` is missing, is no JSON, or breaks the schema. Trying again is of no use."""


class NotAModel(ModelStoreError):
    """A file that is something else than its ending says, or only a part of it."""


class ContentChanged(ModelStoreError):
    """The store holds other content under a version than the one that was asked for.

    `expected` and `found` are digests: the SHA-256 over `checksum.sha256`, in hex.
    """

    def __init__(self, uri: str, name: str, version: str, expected: str, found: str) -> None:
        self.expected = expected
        self.found = found
        super().__init__(
            f"{uri} holds {name} {version} with the digest {found}, and asked for is {expected}. "
            "A published version never changes: put its files back, or publish the new ones under "
            "a version of their own"
        )


class SignatureError(ModelStoreError):
    """Nobody whose key is known has signed the content. Nothing of it may be loaded."""


class InvalidKey(ModelStoreError):
    """A key that can't be used."""


class IntegrityError(ModelStoreError):
    """A file is not what `checksum.sha256` or `metadata.json` says. Nothing of it may be loaded.

    `file` is the path inside the version directory; `expected` and `found` are the SHA-256 in hex,
    or words such as "listed" and "missing".
    """

    def __init__(self, file: str, expected: str, found: str, hint: str = "") -> None:
        self.file = file
        self.expected = expected
        self.found = found
        text = f"{file}: expected {expected}, found {found}"
        super().__init__(f"{text}. {hint}" if hint else text)
