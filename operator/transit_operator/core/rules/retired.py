"""Versions that the registry has retired: a deprecated one warns, an archived one is not started.

What serves, is being tried or was rolled back goes on as it is: to archive a version stops nothing,
and neither the command rollback nor a rollback by the analysis asks. While the registry can't be
read, what it said last holds.
Neighbours: `decide` calls both; `runtime.recording` reads the registry.
"""

from dataclasses import replace

from ...api.status import PinnedModel
from ..observed import Observed, Problem
from ..state import Retreating, Rollout
from . import changes
from .changes import note

ARCHIVED = "VersionArchived"
_STARTS = (changes.CREATED, changes.REPLACED, changes.ROLLOUT_STARTED)


def without_archived(o: Observed, rollout: Rollout) -> Observed:
    """Return what is observed as if the spec's revision were not known, where it is archived."""
    wanted = o.wanted
    if not o.retired or wanted is None or wanted.revision in _standing(rollout):
        return o
    words = _words(o, wanted.models, archived=True)
    if not words:
        return o
    text = f"{words[0]} and is not started; activate it, or ask for another version"
    return replace(o, wanted=None, newer=True, problem=Problem(ARCHIVED, text))


def warn_of_deprecated(o: Observed, rollout: Rollout) -> Rollout:
    """Tell of a rollout that has just begun that its versions shall not be used any more."""
    wanted, told = o.wanted, rollout.told
    if not o.retired or wanted is None or not any(t.reason in _STARTS for t in told):
        return rollout
    for words in _words(o, wanted.models, archived=False):
        rollout = note(
            o,
            rollout,
            changes.DEPRECATED,
            words,
            phase=told[-1].phase,
            revision=wanted.revision,
        )
    return rollout


def _standing(rollout: Rollout) -> set[str]:
    """Return the revisions that are there already, or were rolled back: none of them is started."""
    known = (rollout.stable, rollout.candidate, rollout.rest.rejected)
    revisions = {one.revision for one in known if one is not None}
    if isinstance(rollout.state, Retreating):
        revisions.add(rollout.state.source.revision)
    return revisions


def _words(o: Observed, models: tuple[PinnedModel, ...], *, archived: bool) -> list[str]:
    """Return what the registry says of those models of which it says that."""
    said = []
    for model in models:
        found = o.retired.get((model.name, model.version))
        if found is None or found.archived != archived:
            continue
        if None not in (found.digest, model.digest) and found.digest != model.digest:
            continue  # another content, which somebody else has published under that name
        state = "archived" if archived else "deprecated"
        why = f" ({found.why})" if found.why else ""
        said.append(f"{model.name} {model.version} is {state} in the registry{why}")
    return said
