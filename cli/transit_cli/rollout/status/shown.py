"""What is shown of one ModelDeployment: the values that screens draw, and `-o json` prints.

The names are a contract for scripts (docs/reference/cli.md). Neighbour: `reading` fills them.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

Role = Literal["candidate", "stable", "standby", "leaving", "rejected", "other"]


class Value(BaseModel):
    """Immutable, and camelCase where it is printed."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Pod(Value):
    """A pod. `why` says what keeps it from being ready, as far as Kubernetes knows."""

    name: str
    ready: bool
    restarts: int = 0
    node: str | None = None
    since: str | None = None
    why: str | None = None


class Revision(Value):
    """A revision of the rollout. `weight` is what it has, `asked` what it shall have."""

    role: Role
    revision: str
    models: str = ""
    weight: int = 0
    asked: int | None = None
    pods: tuple[Pod, ...] = ()


class Step(Value):
    """Where the candidate is. `left_seconds` if all goes well; `waits`: why the clock stands."""

    number: int
    of: int
    weight: int
    held_seconds: float
    hold_seconds: float
    left_seconds: float
    waits: str | None = None


class Signal(Value):
    """One signal in the last evaluation.

    `measure` is the number that is held against `bound`: of latency the ratio, of invalid requests
    the increase. `used` is the share of the bound that is used up.
    """

    signal: str
    verdict: str
    mode: str | None = None
    reason: str | None = None
    value: float | None = None
    baseline: float | None = None
    threshold: float | None = None
    measure: float | None = None
    bound: float | None = None
    used: float | None = None
    samples: float | None = None
    time: str | None = None
    message: str = ""


class Rejection(Value):
    """The revision that was rolled back last, and why."""

    revision: str
    models: str = ""
    reason: str
    message: str
    time: str | None = None


class Event(Value):
    """A transition of the history."""

    time: str | None = None
    reason: str
    message: str
    phase: str | None = None
    revision: str | None = None
    weight: int | None = None


class Condition(Value):
    """A condition that is not as it should be."""

    type: str
    status: str
    reason: str
    message: str


class Shown(Value):
    """Everything that is shown of one ModelDeployment."""

    namespace: str
    name: str
    created: str | None = None
    phase: str
    message: str
    weight: int | None = None
    revisions: tuple[Revision, ...] = ()
    step: Step | None = None
    checks: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    rejected: Rejection | None = None
    conditions: tuple[Condition, ...] = ()
    history: tuple[Event, ...] = ()
    handled_action: str | None = None

    def revision(self, role: Role) -> Revision | None:
        """Return the revision that plays a part."""
        return next((one for one in self.revisions if one.role == role), None)
