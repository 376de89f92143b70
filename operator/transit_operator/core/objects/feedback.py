"""The Secret with the key by which servers sign their answers, so that feedback can be believed.

It is made once for each ModelDeployment, before the first pod that mounts it, and never read: the
operator has no right to. So its name says whose it is: one that is left of an earlier
ModelDeployment of the same name has another one. docs/decisions/0045-feedback-by-token.md.
Neighbours: `template` mounts it; `runtime.writing.revisions` makes it.
"""

import base64
import hashlib
from typing import Final

from .build import Object, Owner, labels, metadata
from .template import ENTRY

KEY_BYTES: Final = 32


def secret_name(name: str, uid: str) -> str:
    """Return the Secret's name, of a ModelDeployment's name and uid."""
    return f"{name}-feedback-{hashlib.sha256(uid.encode()).hexdigest()[:8]}"


def feedback_secret(owner: Owner, key: bytes) -> Object:
    """Return the Secret; `key` must be random, and is to be written nowhere else."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(owner, secret_name(owner.name, owner.uid), labels(owner)),
        "type": "Opaque",
        "data": {ENTRY: base64.b64encode(key).decode()},
    }
