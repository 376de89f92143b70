"""What a rollout is at: one of five states, read from the status and written back to it here only.

The wire keeps its optional fields, so that people and older operators read it; the rules see a sum
type, in which combinations that nobody meant can't be written (a candidate that is also being left,
a pause of nothing, a stable that never served). Rules `match` over `State`, and the type checker
finds a missing arm.
"""

from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from ..api.base import ApiModel
from ..api.status import (
    HISTORY_LENGTH,
    CandidateStatus,
    ModelDeploymentStatus,
    Retreat,
    StableStatus,
    Transition,
)
from .times import epoch, rfc3339

Part = TypeVar("Part", bound=ApiModel)

# Of a candidate: what is waited for since then. `evaluated_at` is read where it is asked for.
_CLOCKS: Final = (
    *("waiting_since", "ready_at", "blind_since"),
    *("step_at", "short_since", "checked_at"),
)


@dataclass(frozen=True)
class Empty:
    """Nothing is deployed, as far as the status knows."""


@dataclass(frozen=True)
class First:
    """A first deployment is coming up: no revision has become the stable one yet."""

    revision: StableStatus


@dataclass(frozen=True)
class Steady:
    """One revision has the traffic, and nothing is tried. `held`: the next rollout must wait."""

    stable: StableStatus
    held: bool = False


@dataclass(frozen=True)
class Trying:
    """A candidate beside the stable revision."""

    stable: StableStatus
    candidate: CandidateStatus
    paused: bool = False

    def __post_init__(self) -> None:
        if self.candidate.revision == self.stable.revision:
            raise ValueError("a revision can't be its own candidate")


@dataclass(frozen=True)
class Retreating:
    """Traffic goes back from `source` to the stable revision; `waiting` is tried afterwards."""

    stable: StableStatus
    source: Retreat
    waiting: CandidateStatus | None = None
    held: bool = False

    def __post_init__(self) -> None:
        names = [self.stable.revision, self.source.revision]
        names += [self.waiting.revision] if self.waiting is not None else []
        if len(set(names)) != len(names):
            raise ValueError("stable, source and waiting must be different revisions")


State = Empty | First | Steady | Trying | Retreating


@dataclass(frozen=True)
class Rollout:
    """What the rules hand on: the state, all else of the status, and what is to be told.

    `rest` has the state's own fields (stable, candidate, retreat, paused) empty.
    """

    state: State
    rest: ModelDeploymentStatus
    told: tuple[Transition, ...] = ()

    def to(self, state: State, **changes: Any) -> "Rollout":
        """Return the rollout in another state, with some other fields of the status replaced."""
        return replace(self, state=state, rest=self.rest.model_copy(update=changes))

    def but(self, **changes: Any) -> "Rollout":
        """Return the rollout in the same state, with some other fields of the status replaced."""
        return self.to(self.state, **changes)

    @property
    def stable(self) -> StableStatus | None:
        """The revision that has, or on a first deployment shall have, the traffic."""
        match self.state:
            case Empty():
                return None
            case First(revision):
                return revision
            case Steady(stable) | Trying(stable) | Retreating(stable):
                return stable

    @property
    def candidate(self) -> CandidateStatus | None:
        """The revision that is tried, or waits for a retreat to end."""
        match self.state:
            case Trying(candidate=candidate):
                return candidate
            case Retreating(waiting=waiting):
                return waiting
            case Empty() | First() | Steady():
                return None


def from_status(status: ModelDeploymentStatus, now: float) -> Rollout:
    """Return the rollout that a status tells of. `now` in epoch seconds.

    Clocks in the future (the node's clock was set back, or another operator's is ahead) are read as
    now: a wait must not last until the clock has caught up.
    """
    rejected = status.rejected
    rest = status.model_copy(
        update={
            "stable": None,
            "candidate": None,
            "retreat": None,
            "paused": False,
            "traffic_since": _past(status.traffic_since, now),
            "formerly": [_in_the_past(former, now, "until") for former in status.formerly],
            "rejected": _in_the_past(rejected, now, "time") if rejected is not None else None,
        }
    )
    return Rollout(_state(status, now), rest)


def _state(status: ModelDeploymentStatus, now: float) -> State:
    stable, candidate, retreat = status.stable, status.candidate, status.retreat
    if stable is None:
        return Empty()
    if stable.healthy_since is None and (candidate is not None or retreat is not None):
        stable = stable.model_copy(update={"healthy_since": rfc3339(now)})  # or nothing were tried
    if stable.healthy_since is None:
        since = _past(stable.waiting_since, now) or rfc3339(now)
        return First(stable.model_copy(update={"waiting_since": since}))
    if candidate is not None:
        candidate = _in_the_past(candidate, now, *_CLOCKS)
        if candidate.revision == stable.revision:
            candidate = None
    if retreat is not None and retreat.revision != stable.revision:
        retreat = _in_the_past(retreat, now, "since")
        waiting = candidate
        if waiting is not None and waiting.revision == retreat.revision:
            waiting = None
        return Retreating(stable, retreat, waiting, status.paused)
    if candidate is not None:
        return Trying(stable, candidate, status.paused)
    return Steady(stable, status.paused)


def to_status(rollout: Rollout) -> ModelDeploymentStatus:
    """Return the status to write, with what is told appended to its history."""
    fields: dict[str, Any]
    match rollout.state:
        case Empty():
            fields = {}
        case First(revision):
            fields = {"stable": revision}
        case Steady(stable, held):
            fields = {"stable": stable, "paused": held}
        case Trying(stable, candidate, paused):
            fields = {"stable": stable, "candidate": candidate, "paused": paused}
        case Retreating(stable, source, waiting, held):
            fields = {"stable": stable, "retreat": source, "candidate": waiting, "paused": held}
    history = [*rollout.rest.history, *rollout.told][-HISTORY_LENGTH:]
    return rollout.rest.model_copy(update=fields | {"history": history})


def _in_the_past(part: Part, now: float, *clocks: str) -> Part:
    return part.model_copy(update={clock: _past(getattr(part, clock), now) for clock in clocks})


def _past(text: str | None, now: float) -> str | None:
    return rfc3339(now) if text is not None and epoch(text) > now else text
