"""What the status and the records in the cluster still know of revisions and of what happened.

Pure. What they keep no more stays open: a wrong version is worse than none.
Neighbours: `entries` and `notifying.messages` are made with it.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from ...api.status import ModelDeploymentStatus, PinnedModel, Transition
from ...core.observed import Observed
from ...core.rules import changes

_FIRSTS = frozenset({changes.CREATED, changes.REPLACED})
_BECOMES_STABLE = frozenset({changes.PROMOTED, changes.HEALTHY, changes.RECOVERED})


class Past:
    """The revisions of a ModelDeployment."""

    def __init__(self, observed: Observed, status: ModelDeploymentStatus) -> None:
        self._status = status
        self._models: dict[str, Sequence[PinnedModel]] = {
            name: record.models for name, record in observed.records.items()
        }
        self._storages = {
            name: str(record.storage.get("uri") or "") for name, record in observed.records.items()
        }
        for known in (observed.status, status):
            for one in (known.rejected, known.previous, known.stable, known.candidate):
                if one is not None and one.models:
                    self._models[one.revision] = one.models
        self._wanted = observed.spec.storage.uri if observed.spec is not None else ""

    def models(self, revision: str | None) -> Sequence[PinnedModel]:
        """Return what a revision serves; nothing where that isn't known any more."""
        return self._models.get(revision or "", ())

    def storage(self, revision: str | None) -> str:
        """Return where its models are from; the spec says it of one that has no record yet."""
        return self._storages.get(revision or "") or self._wanted

    def stable_before(self, number: int) -> str | None:
        """Return the stable revision right before a transition of the history, if that is sure."""
        chain = [one.revision for one in (self._status.stable, self._status.previous) if one]
        for transition in reversed(self._status.history[number:]):
            if transition.reason == changes.PROMOTED:
                if not chain or chain.pop(0) != transition.revision:
                    return None
            elif transition.reason in _BECOMES_STABLE or transition.reason in _FIRSTS:
                return None  # there was none, or nobody knows
        return chain[0] if chain else None


def identity(*parts: str) -> str:
    """Return the id of what happened, by what it says: the same, whoever tells it, and when."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def evidence_of(transition: Transition) -> list[dict[str, Any]]:
    """Return the numbers behind a transition, as plain JSON."""
    # By way of text, in which a number that JSON hasn't is null.
    return [
        json.loads(e.model_dump_json(by_alias=True, exclude_none=True)) for e in transition.evidence
    ]
