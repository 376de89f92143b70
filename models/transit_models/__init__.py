"""The model store of Transit, and the example models.

`open_storage` opens a store, `fetch_verified` brings a version of a model and verifies it;
`examples` trains the models of the demo. Neighbours: the server loads what this package brings;
the operator resolves aliases with it.
"""

from transit_models.errors import (
    ContentChanged,
    IntegrityError,
    InvalidMetadata,
    InvalidReference,
    ModelNotFound,
    ModelStoreError,
    SignatureError,
    StorageUnavailable,
    VersionConflict,
)
from transit_models.integrity import VerifiedVersion, verify_version
from transit_models.metadata import ModelMetadata
from transit_models.probe import probe_rows
from transit_models.storage import Storage, fetch_verified, open_storage

__all__ = [
    "ContentChanged",
    "IntegrityError",
    "InvalidMetadata",
    "InvalidReference",
    "ModelMetadata",
    "ModelNotFound",
    "ModelStoreError",
    "SignatureError",
    "Storage",
    "StorageUnavailable",
    "VerifiedVersion",
    "VersionConflict",
    "fetch_verified",
    "open_storage",
    "probe_rows",
    "verify_version",
]
