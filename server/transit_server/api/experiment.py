"""An A/B experiment: a second version of one model in this server, for a share of its requests.

Who belongs to which arm is decided by a hash and by nothing else, so it is the same in every pod
and after every restart. Pure; `guide` and `openinference` ask it, `settings` describes it.
"""

import hashlib

from transit_server.serving.registry import Registry, ServedModel
from transit_server.settings import Experiment


class Splitter:
    """Puts requests to the experiment's model into its arms."""

    def __init__(self, experiment: Experiment, registry: Registry) -> None:
        self._experiment = experiment
        self._registry = registry
        self.header = experiment.header.lower().encode()

    def choose(self, model: ServedModel, unit: str) -> ServedModel:
        """The version of `model` that answers `unit` (a request id or the header's value). Raises
        `NotReady`.
        """
        if model.name != self._experiment.model or not self.second(unit):
            return model
        return self._registry.challenger()

    def second(self, unit: str) -> bool:
        """Whether `unit` belongs to the second version. A new experiment mixes people anew."""
        told = f"{self._experiment.model}:{self._experiment.version}:{unit}"
        number = int.from_bytes(hashlib.sha256(told.encode()).digest()[:8], "big")
        return number < self._experiment.share * 2.0**64
