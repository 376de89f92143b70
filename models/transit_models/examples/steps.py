"""Preprocessing steps of the example models. Plain NumPy, so that loading one pulls in nothing
else.

Neighbours: pickled into `preprocessing.pkl` by `training`, by reference: whoever loads them needs
this package, as the server image has. The contract of any `preprocessing.pkl`: a joblib pickle of
an object with `transform(X)`, X float of shape (n, features), which returns shape (n, features').
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

_SOFTENING = np.float32(0.002)  # about the noise of a faint star
_LEAST_SCALE = np.float32(0.1)  # so that a column that hardly varied is not blown up


class FluxScaler:
    """Fills gaps (zeros) with the star's usual brightness 1.0, stretches what is near it (arcsinh,
    so that a planet's dip is not lost beside a star's), then centres and scales each column.
    """

    def fit(self, curves: Floats) -> Self:
        """Learn the columns' means and deviations from `curves`, (n, features)."""
        stretched = self._stretch(curves)
        self.mean_ = stretched.mean(axis=0)
        self.scale_ = np.maximum(stretched.std(axis=0), _LEAST_SCALE)
        return self

    def transform(self, curves: Floats) -> Floats:
        """(n, features) → (n, features), float32."""
        scaled: Floats = (self._stretch(curves) - self.mean_) / self.scale_
        return scaled

    @staticmethod
    def _stretch(curves: Floats) -> NDArray[np.float32]:
        flux = np.array(curves, dtype=np.float32)
        flux[flux == 0.0] = 1.0
        stretched: NDArray[np.float32] = np.arcsinh((flux - 1.0) / _SOFTENING)
        return stretched
