"""What the spec asks for: a revision that is known, one that a look-up found, or why none yet.

Neighbours: `revision` knows what there is, `resolver` reads what its pod says; `observe` asks
before a decision, `resolving` after it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...api.spec import ModelDeploymentSpec
from ...api.status import ModelDeploymentStatus, Pins
from ..observed import Problem, Record, RevisionState, Wanted
from ..times import epoch
from .build import Object
from .causes import CONTENT_CHANGED
from .resolver import answers
from .revision import asked, contents, known_revisions, surely_new


@dataclass(frozen=True)
class Sought:
    """The revision with the `pins` it follows from, or the problem; the others as in `Observed`."""

    wanted: Wanted | None = None
    pins: Pins | None = None
    problem: Problem | None = None
    newer: bool = False
    followed: Pins | Problem | None = None


def seek(
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    records: Mapping[str, Record],
    live: Mapping[tuple[str, str], Object],
    now: float,
) -> Sought:
    """Return what the spec asks for, from what is known or the answer of a resolver pod."""
    known, pins = known_revisions(status, records), status.pins
    wanted = asked(spec, pins, known)
    if wanted is not None:
        if status.followed is None:
            return Sought(wanted, pins)
        known_contents, since = contents(spec, pins, records), epoch(status.followed.at)
        again = answers(live, spec, known_contents, now, since)
        return Sought(wanted, pins, followed=again)
    found = answers(live, spec, contents(spec, pins, records), now)
    if isinstance(found, Problem):
        return Sought(pins=pins, problem=found, newer=surely_new(spec, pins, known))
    return Sought(asked(spec, found, known), found)


def replaced(revisions: Iterable[RevisionState]) -> Problem | None:
    """Return that pods find other content in the storage than their revision is of."""
    pods = (pod for state in revisions for pod in state.pods)
    words = next((pod.content_changed for pod in pods if pod.content_changed), None)
    return Problem(CONTENT_CHANGED, words) if words is not None else None
