"""Note which models run with other libraries than they were made with, as their servers say.

It is told (`words.conditions`: DependenciesMatch) and judged by nothing. A revision's libraries
never change, so the last answer holds while nothing is asked. Neighbour: `evaluate`, whose readings
have it where Prometheus was quick enough.
"""

from collections.abc import Sequence

from ...api.status import PinnedModel
from ..observed import Readings, RevisionReadings
from ..signals.samples.query import DEPENDENCIES
from ..state import Trying


def see_dependencies(state: Trying, readings: Readings) -> Trying:
    """Return the state with what is now known of stable and candidate."""
    stable, candidate = state.stable, state.candidate
    if (found := _differing(stable.models, readings.stable)) is not None:
        stable = stable.model_copy(update={"differing": found})
    if (found := _differing(candidate.models, readings.candidate)) is not None:
        candidate = candidate.model_copy(update={"differing": found})
    return Trying(stable, candidate, state.paused)


def _differing(models: Sequence[PinnedModel], readings: RevisionReadings) -> list[str] | None:
    """Return the models that differ, if the servers have told of all; others are none of theirs."""
    said = {labels.get("model"): value for labels, value in DEPENDENCIES.of(readings)}
    names = [model.name for model in models]
    if not names or not said.keys() >= set(names):
        return None
    return [name for name in names if said[name] > 0]
