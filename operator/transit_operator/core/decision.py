"""What a decision says: the next status, and the state of the world it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..api.status import ModelDeploymentStatus, Transition


@dataclass(frozen=True)
class Decision:
    """Asks for a state, not for actions: executing it twice changes nothing the second time.

    `weights` maps a revision to its percent of the traffic; together they are 100, or there are
    none. `replicas` maps each revision that shall exist to its pods; with `autoscaling` these
    are the least, and `limits` the most that its autoscaler may choose. `keep` names the revisions
    whose objects stay as they are; all others go. `wake_at` is when to look again though nothing
    happened, in seconds since the epoch. `testers` is the revision that `candidateHeader` leads to,
    where that isn't as the weights say. `rejected` maps a revision that was rolled back to why: it
    is noted on its record too, for the case that the status gets lost. `look_up`: aliases that are
    followed are to be looked up again.
    """

    status: ModelDeploymentStatus
    weights: Mapping[str, int] = field(default_factory=dict)
    replicas: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    keep: frozenset[str] = frozenset()
    transitions: tuple[Transition, ...] = ()
    wake_at: float | None = None
    testers: str | None = None
    rejected: Mapping[str, str] = field(default_factory=dict)
    look_up: bool = False
