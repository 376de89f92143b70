"""Example models of simulated light curves: good versions, and bad ones as bad as real ones are.

random_forest:

- 1.0.0: nothing wrong
- 1.1.0: nothing wrong; more data
- 1.2.0 errors: takes the logarithm of the flux; curves with a gap fail
- 1.3.0 latency: an oversized forest behind a detrending that loops in Python
- 1.4.0 drift: trained on an export whose labels were shifted by one
- 1.5.0 load: its pickle needs a module that only its author has
- 1.6.0 crash: its preprocessing keeps a report on every star, till memory is out

xgboost and keras_cnn: 1.0.0 and 1.1.0, nothing wrong.

Nothing in them knows that it is an example: no sleep, no `raise` for the demo's sake. 1.6.0 needs a
memory limit on its container (1 GiB: it dies after 20 to 60 different curves), else it takes what
there is.

Neighbours: `curves` simulates, `training` trains and writes a local store, `forests`, `boosted` and
`cnn` have the recipes, `steps` and `flawed_steps` the preprocessing.
"""

from dataclasses import dataclass
from typing import Literal

from transit_models.examples.curves import (
    FEATURES,
    LABELS,
    TRAFFIC_MIX,
    sample_light_curves,
)

Problem = Literal["errors", "latency", "drift", "load", "crash"]


@dataclass(frozen=True)
class ExampleVersion:
    """One version of an example model. `problem` is None for a good one; `notes` is what its author
    wrote into the metadata, who knew of no problem.
    """

    name: str
    version: str
    problem: Problem | None
    notes: str

    @property
    def reference(self) -> str:
        """`NAME@VERSION`."""
        return f"{self.name}@{self.version}"


EXAMPLES: list[ExampleVersion] = [
    ExampleVersion("random_forest", "1.0.0", None, "First release."),
    ExampleVersion("random_forest", "1.1.0", None, "Half as many curves again."),
    ExampleVersion("random_forest", "1.2.0", "errors", "Flux as magnitudes, like the catalogue."),
    ExampleVersion("random_forest", "1.3.0", "latency", "600 trees; detrends by running medians."),
    ExampleVersion("random_forest", "1.4.0", "drift", "Retrained on the new label export."),
    ExampleVersion("random_forest", "1.5.0", "load", "Probabilities calibrated."),
    ExampleVersion("random_forest", "1.6.0", "crash", "Adds figures for the nightly report."),
    ExampleVersion("xgboost", "1.0.0", None, "First release."),
    ExampleVersion("xgboost", "1.1.0", None, "Half as many curves again."),
    ExampleVersion("keras_cnn", "1.0.0", None, "First release."),
    ExampleVersion("keras_cnn", "1.1.0", None, "A third more curves."),
]


def bad() -> dict[Problem, ExampleVersion]:
    """The bad versions by their problem."""
    return {example.problem: example for example in EXAMPLES if example.problem is not None}


__all__ = [
    "EXAMPLES",
    "FEATURES",
    "LABELS",
    "TRAFFIC_MIX",
    "ExampleVersion",
    "Problem",
    "bad",
    "sample_light_curves",
]
