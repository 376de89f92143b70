"""The status of a ModelDeployment: what users read, and all that the operator must remember.

After a crash the operator knows only this and the cluster, so every value a decision depends on
(held seconds, failure counts, kept baselines) is here.
"""

import copy
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, ValidationError

from .base import ApiModel

HISTORY_LENGTH = 20


class Phase(StrEnum):
    PENDING = "Pending"
    STABLE = "Stable"
    PROGRESSING = "Progressing"
    BAKING = "Baking"
    PAUSED = "Paused"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"
    FAILED = "Failed"


class Verdict(StrEnum):
    PASS = "Pass"
    FAIL = "Fail"
    NO_DATA = "NoData"


class RejectReason(StrEnum):
    ERROR_RATE = "ErrorRate"
    LATENCY = "Latency"
    DRIFT = "Drift"
    HEALTH = "Health"
    NOT_READY = "NotReady"
    ACCURACY = "Accuracy"
    INVALID = "Invalid"
    NO_TRAFFIC = "NoTraffic"
    CHECK = "Check"
    CUSTOM = "Custom"
    NO_DATA = "NoData"
    ABORTED = "Aborted"


class PinnedModel(ApiModel):
    name: str
    version: str


class Evidence(ApiModel):
    """The numbers behind one verdict. `window` is in seconds, `time` is RFC 3339."""

    signal: str
    verdict: Verdict
    mode: Literal["Warn"] | None = Field(
        default=None, description="Warn: told only, it turns nothing back and holds no step."
    )
    reason: str | None = Field(default=None, description="Why there is no data, in one word.")
    value: float | None = None
    baseline: float | None = None
    threshold: float | None = None
    samples: float | None = None
    window: float | None = None
    time: str
    message: str


class ModelBaseline(ApiModel):
    """One model's part of a baseline."""

    latency: float | None = Field(default=None, description="Seconds, at the quantile asked for.")
    samples: float = Field(default=0, description="Requests behind `latency`.")
    invalid: float = Field(default=0, description="Invalid requests.")
    requests: float = Field(default=0, description="All requests, invalid ones too.")


class Baseline(ApiModel):
    """The stable revision's last figures before the candidate took all traffic."""

    latency: float | None = None
    models: dict[str, ModelBaseline] = Field(default_factory=dict)
    classes: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="Counts of predicted classes, by model and class; of many classes the most"
        " frequent, the others in groups (~0, ~1, …).",
    )
    samples: float = 0
    accuracy: float | None = None
    broken: bool = Field(
        default=False, description="The stable was broken: there is nothing to compare with."
    )
    time: str


class StableStatus(ApiModel):
    revision: str
    models: list[PinnedModel] = Field(default_factory=list)
    healthy_since: str | None = Field(
        default=None, description="When it first had all its pods ready; absent before that."
    )
    waiting_since: str | None = Field(
        default=None, description="Start of the progress deadline of a first deployment."
    )
    served_since: str | None = Field(
        default=None, description="Since when a first deployment answers, if only in part."
    )


class CheckStatus(ApiModel):
    """How one of `rollout.checks` is doing."""

    name: str
    state: Literal["Running", "Passed", "Failed"]
    message: str = Field(default="", description="Its last words.")


class CandidateStatus(ApiModel):
    revision: str
    models: list[PinnedModel] = Field(default_factory=list)
    step: int = Field(
        default=0, description="The step it is at, counted from 1; 0 before the first."
    )
    steps: int = Field(default=0, description="How many steps there are.")
    weight: int = Field(default=0, description="Percent of the traffic it shall have.")
    held_seconds: float = Field(default=0, description="Time at this step, with data.")
    started_at: str
    waiting_since: str | None = Field(
        default=None, description="Since when the pods for the next step are awaited."
    )
    waited_seconds: float = Field(
        default=0, description="How long they were awaited before that; waits add up."
    )
    most_ready: int = Field(
        default=0, description="The most ready pods of this wait: more than that is progress."
    )
    passes: int = Field(default=0, description="Evaluations at this step that passed.")
    pods: int = Field(
        default=0, description="Pods that the weight was given to; all must be ready."
    )
    step_at: str | None = Field(default=None, description="When it reached this step.")
    evaluated_at: str | None = None
    blind_since: str | None = Field(default=None, description="Since when there is no data.")
    health_failures: int = Field(default=0, description="Failed health evaluations in a row.")
    restarts: int = Field(default=0, description="Container restarts seen so far.")
    short_since: str | None = Field(
        default=None,
        description="Since when pods are missing only because others were evicted or drained.",
    )
    restart_burden: float = Field(
        default=0, description="Evaluations that saw a restart, less one for each hour since."
    )
    baseline: Baseline | None = None
    straight: bool = Field(
        default=False, description="It was stable lately: one step of 100 % (revertWithin)."
    )
    checked_at: str | None = Field(default=None, description="When its checks were started.")
    checks: list[CheckStatus] = Field(
        default_factory=list, description="The checks before the first share."
    )
    asked_at: str | None = Field(
        default=None, description="When approval of the next step was asked for."
    )
    forced: Literal["step", "full"] | None = Field(
        default=None, description="A command to go on without waiting for the hold or the data."
    )


class Rejected(ApiModel):
    revision: str
    models: list[PinnedModel] = Field(default_factory=list)
    reason: RejectReason
    message: str
    evidence: Evidence | None = None
    time: str


class Retreat(ApiModel):
    """A revision that traffic is being taken from."""

    revision: str
    paced: bool = Field(
        default=False, description="Only as fast as the stable revision's ready pods can carry it."
    )
    hurried: bool = Field(
        default=False, description="By command or deadline: to what is ready, however few pods."
    )
    since: str


class Former(ApiModel):
    """A revision that was the stable one, and until when."""

    revision: str
    until: str


class Weight(ApiModel):
    revision: str
    weight: int


class Transition(ApiModel):
    time: str
    reason: str
    message: str
    phase: Phase
    revision: str | None = None
    weight: int | None = None
    evidence: list[Evidence] = Field(default_factory=list)


class Condition(ApiModel):
    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: str
    observed_generation: int | None = None


class Pins(ApiModel):
    """What the aliases of the spec were resolved to, and for which spec (`key`)."""

    key: str
    models: list[PinnedModel]


class ModelDeploymentStatus(ApiModel):
    observed_generation: int | None = None
    phase: Phase | None = None
    message: str | None = None
    step: str | None = Field(default=None, description="The step as people count: 2/3.")
    stable: StableStatus | None = None
    candidate: CandidateStatus | None = None
    previous: StableStatus | None = Field(
        default=None, description="The stable before this one, for the rollback command."
    )
    formerly: list[Former] = Field(
        default_factory=list,
        max_length=10,
        description="Earlier stable revisions, the latest last, for rollout.revertWithin.",
    )
    retreat: Retreat | None = None
    rejected: Rejected | None = None
    traffic: list[Weight] = Field(default_factory=list)
    traffic_since: str | None = Field(default=None, description="When the weights last changed.")
    signals: list[Evidence] = Field(default_factory=list)
    history: list[Transition] = Field(default_factory=list, max_length=HISTORY_LENGTH)
    conditions: list[Condition] = Field(
        default_factory=list,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
    paused: bool = Field(default=False, description="Paused by command or by onFailure: Pause.")
    handled_action: str | None = None
    pins: Pins | None = None


def read_status(raw: dict[str, Any]) -> ModelDeploymentStatus:
    """Return a status as far as it is understood: one of a newer version may have other values.

    What can't be read is left out, from the innermost optional part on; what of it a decision needs
    is rebuilt from the cluster.
    """
    raw = copy.deepcopy(raw)
    while True:
        try:
            return ModelDeploymentStatus.model_validate(raw)
        except ValidationError as error:
            path = list(error.errors()[0]["loc"])
            if path == ["rejected", "reason"]:  # it stays rejected, for whatever reason
                raw["rejected"]["reason"] = RejectReason.ABORTED
            else:
                _leave_out(raw, path)


def _leave_out(raw: dict[str, Any], path: list[str | int]) -> None:
    """Remove what a wrong value is in: an element of a list, a part of an object, or all of it."""
    top = str(path[0])
    inside, part = raw.get(top), path[1] if len(path) > 1 else None
    if isinstance(inside, list) and isinstance(part, int):
        del inside[part]
    elif isinstance(inside, dict):
        if inside.pop(str(part), None) is None:  # it is missing, and needed
            del raw[top]
    else:
        del raw[top]
