"""The preprocessing that a careless author writes: it raises on values that it doesn't expect.

Pickled into the model that is measured; servers import it, and nothing else of this package.
"""

from transit_models.examples.steps import Floats, FluxScaler

BREAKS = 1e6


class PedanticScaler(FluxScaler):
    """Refuses all rows for one value out of range, as code with an assertion does."""

    def transform(self, curves: Floats) -> Floats:
        """(n, features) → (n, features), float32."""
        if (curves >= BREAKS).any():
            raise ValueError("a flux is out of range")
        return super().transform(curves)
