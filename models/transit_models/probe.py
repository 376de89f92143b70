"""Rows to warm a model up with, and to hold a compiled model against the original.

Neighbours: a version may bring its own in `probe.npy` (real inputs are the best probes); the
server's warm-up and its check on load use `probe_rows`.
"""

import numpy as np
from numpy.typing import NDArray

from transit_models.errors import InvalidMetadata
from transit_models.integrity import VerifiedVersion

_SEED = 20251005


def probe_rows(version: VerifiedVersion, rows: int) -> NDArray[np.float32]:
    """`rows` plausible inputs as float32 of shape (rows, features), before preprocessing; always
    the same.

    From `probe.npy` of the version, repeated when it has fewer; without one, values around 1.0,
    all positive, as a normalised measurement would be.

    Raises `InvalidMetadata` when `probe.npy` is no finite array of shape (n, features).
    """
    features = version.metadata.input_schema.features
    if version.probe is None:
        noise = np.random.default_rng(_SEED).uniform(0.95, 1.05, (rows, features))
        return noise.astype(np.float32)
    try:
        own = np.load(version.probe, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidMetadata(f"{version.probe} is no NumPy array file: {error}") from error
    if (
        not isinstance(own, np.ndarray)
        or own.dtype.kind not in "fiu"
        or own.ndim != 2
        or own.shape[0] == 0
        or own.shape[1] != features
        or not np.isfinite(own).all()
    ):
        raise InvalidMetadata(
            f"{version.probe} must be a finite numeric array of shape (n, {features})"
        )
    return np.resize(own.astype(np.float32), (rows, features))
