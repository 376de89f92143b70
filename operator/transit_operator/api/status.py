"""The status of a ModelDeployment: what users read, and all that the operator must remember.

After a crash the operator knows only this and the cluster, so every value a decision depends on
(held seconds, failure counts, kept baselines) is here.
"""

import copy
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from .base import ApiModel

HISTORY_LENGTH = 20
_DIFFERING = (
    "Its models that run with other library versions than they were made with; absent until known."
)


def _rfc3339(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time without its offset")
    return text


# The schema can't tell one from another text, so what isn't one may stand in a status.
Time = Annotated[str, AfterValidator(_rfc3339)]


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
    name: str = Field(description="Name of the model in the storage.")
    version: str = Field(description="The version that is served.")
    digest: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="What stands for its content: the SHA-256 over the version's checksum.sha256."
        " The server serves that or nothing. Absent of a revision from before there were digests.",
    )


class Evidence(ApiModel):
    """The numbers behind one verdict. `window` is in seconds, `time` is RFC 3339."""

    signal: str = Field(description="The name of the signal.")
    verdict: Verdict = Field(description="Pass, Fail, or NoData: too little is known to say.")
    mode: Literal["Warn"] | None = Field(
        default=None, description="Warn: told only, it turns nothing back and holds no step."
    )
    reason: str | None = Field(default=None, description="Why there is no data, in one word.")
    value: float | None = Field(
        default=None, description="What was measured of the candidate; absent without data."
    )
    baseline: float | None = Field(
        default=None, description="The same of the stable revision, where the signal compares."
    )
    threshold: float | None = Field(
        default=None, description="What the value is judged against, from spec.rollout.analysis."
    )
    samples: float | None = Field(default=None, description="How many samples the value rests on.")
    window: float | None = Field(default=None, description="How far back was looked, in seconds.")
    time: Time = Field(description="When it was judged (RFC 3339).")
    message: str = Field(description="The verdict in words.")


class ModelBaseline(ApiModel):
    """One model's part of a baseline."""

    latency: float | None = Field(default=None, description="Seconds, at the quantile asked for.")
    samples: float = Field(default=0, description="Requests behind `latency`.")
    input_errors: float = Field(
        default=0, description="Requests whose rows it failed on while it answered its own probes."
    )
    invalid: float = Field(default=0, description="Invalid requests.")
    requests: float = Field(default=0, description="All requests, invalid ones too.")


class Baseline(ApiModel):
    """The stable revision's last figures before the candidate took all traffic."""

    latency: float | None = Field(
        default=None, description="Seconds, at the quantile asked for, over all models."
    )
    models: dict[str, ModelBaseline] = Field(
        default_factory=dict, description="The figures of each model."
    )
    classes: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="Counts of predicted classes, by model and class; of many classes the most"
        " frequent, the others in groups (~0, ~1, …).",
    )
    samples: float = Field(default=0, description="Predictions that they rest on.")
    accuracy: float | None = Field(
        default=None, description="Share of correct predictions, where clients send feedback."
    )
    broken: bool = Field(
        default=False, description="The stable was broken: there is nothing to compare with."
    )
    time: Time = Field(description="When it was taken (RFC 3339).")


class StableStatus(ApiModel):
    revision: str = Field(description="Its name: the hash of what makes a revision.")
    models: list[PinnedModel] = Field(
        default_factory=list, description="Its models, with the versions that were pinned."
    )
    differing: list[str] | None = Field(default=None, description=_DIFFERING)
    healthy_since: Time | None = Field(
        default=None, description="When it first had all its pods ready; absent before that."
    )
    waiting_since: Time | None = Field(
        default=None, description="Start of the progress deadline of a first deployment."
    )
    served_since: Time | None = Field(
        default=None, description="Since when a first deployment answers, if only in part."
    )


class CheckStatus(ApiModel):
    """How one of `rollout.checks` is doing."""

    name: str = Field(description="As in spec.rollout.checks.")
    state: Literal["Running", "Passed", "Failed"] = Field(
        description="Running, Passed (exit 0) or Failed."
    )
    message: str = Field(default="", description="Its last words.")


class CandidateStatus(ApiModel):
    revision: str = Field(description="Its name: the hash of what makes a revision.")
    models: list[PinnedModel] = Field(
        default_factory=list, description="Its models, with the versions that were pinned."
    )
    differing: list[str] | None = Field(default=None, description=_DIFFERING)
    step: int = Field(
        default=0, description="The step it is at, counted from 1; 0 before the first."
    )
    steps: int = Field(default=0, description="How many steps there are.")
    weight: int = Field(default=0, description="Percent of the traffic that it should have.")
    held_seconds: float = Field(default=0, description="Time at this step, with data.")
    started_at: Time = Field(description="When its rollout began (RFC 3339).")
    waiting_since: Time | None = Field(
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
    step_at: Time | None = Field(default=None, description="When it reached this step.")
    evaluated_at: Time | None = Field(
        default=None, description="When its signals were judged last (RFC 3339)."
    )
    blind_since: Time | None = Field(default=None, description="Since when there is no data.")
    health_failures: int = Field(default=0, description="Failed health evaluations in a row.")
    restarts: int = Field(default=0, description="Container restarts seen so far.")
    short_since: Time | None = Field(
        default=None,
        description="Since when pods are missing only because others were evicted, drained, or lost"
        " with their node.",
    )
    restart_burden: float = Field(
        default=0, description="Evaluations that saw a restart, less one for each hour since."
    )
    baseline: Baseline | None = Field(
        default=None, description="The stable's last figures, for the time when it has no traffic."
    )
    straight: bool = Field(
        default=False, description="It was stable lately: one step of 100 % (revertWithin)."
    )
    checked_at: Time | None = Field(default=None, description="When its checks were started.")
    checks: list[CheckStatus] = Field(
        default_factory=list, description="The checks before the first share."
    )
    asked_at: Time | None = Field(
        default=None, description="When approval of the next step was asked for."
    )
    forced: Literal["step", "full"] | None = Field(
        default=None, description="A command to go on without waiting for the hold or the data."
    )


class Rejected(ApiModel):
    revision: str = Field(description="Its name: the hash of what makes a revision.")
    models: list[PinnedModel] = Field(
        default_factory=list, description="Its models, with the versions that were pinned."
    )
    reason: RejectReason = Field(
        description="The signal that failed, in one word, or NotReady, Check, NoData or Aborted."
    )
    message: str = Field(description="Why, in words.")
    evidence: Evidence | None = Field(
        default=None, description="The numbers behind it, where a signal failed."
    )
    time: Time = Field(description="When it was rejected (RFC 3339).")


class Retreat(ApiModel):
    """A revision that traffic is being taken from."""

    revision: str = Field(description="Its name: the hash of what makes a revision.")
    paced: bool = Field(
        default=False, description="Only as fast as the stable revision's ready pods can carry it."
    )
    rejected: bool = Field(
        default=False,
        description="It was rolled back; else a newer spec came, and nothing is known against it.",
    )
    hurried: bool = Field(
        default=False, description="By command or deadline: to what is ready, however few pods."
    )
    since: Time = Field(description="When the retreat began (RFC 3339).")


class Former(ApiModel):
    """A revision that was the stable one, and until when."""

    revision: str = Field(description="Its name: the hash of what makes a revision.")
    until: Time = Field(description="Until when it was the stable one (RFC 3339).")


class Weight(ApiModel):
    revision: str = Field(description="Its name: the hash of what makes a revision.")
    weight: int = Field(description="Percent of the traffic.")


class Transition(ApiModel):
    time: Time = Field(description="When it happened (RFC 3339).")
    reason: str = Field(description="What happened, in one word, as in the Event.")
    message: str = Field(description="What happened, in words.")
    phase: Phase = Field(description="The phase afterwards.")
    revision: str | None = Field(default=None, description="The revision it is about.")
    weight: int | None = Field(
        default=None, description="That revision's percent of the traffic from then on."
    )
    evidence: list[Evidence] = Field(default_factory=list, description="The numbers behind it.")


class Condition(ApiModel):
    type: str = Field(description="What it is about, such as Available.")
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: str = Field(description="Why, in one word.")
    message: str = Field(description="Why, in words.")
    last_transition_time: Time = Field(description="When the status changed last (RFC 3339).")
    observed_generation: int | None = Field(
        default=None, description="The generation of the spec that it is about."
    )


class Pins(ApiModel):
    """What the versions of the spec were found to be, and for which spec (`key`).

    Without models: a person has asked for another look (`resolve`), whatever is known.
    """

    key: str = Field(
        description="Hash of what makes the revision, as written: of another spec they are "
        "forgotten."
    )
    models: list[PinnedModel] = Field(
        description="Each model with its version, an alias resolved, and the digest of its content."
    )


class Followed(ApiModel):
    """The last look at aliases that are followed."""

    key: str = Field(description="Hash of what makes the revision, as written.")
    at: Time = Field(description="When they were looked up last (RFC 3339).")
    problem: str | None = Field(
        default=None, description="Why nothing was found then; absent where it was."
    )


class Versions(ApiModel):
    """What a column of `kubectl get` shows of a revision: `1.1.0`, of several models `3 models`."""

    stable: str | None = Field(default=None, description="What the stable revision serves.")
    candidate: str | None = Field(default=None, description="What the candidate serves.")


class ModelDeploymentStatus(ApiModel):
    observed_generation: int | None = Field(
        default=None, description="The generation of the spec that was looked at last."
    )
    phase: Phase | None = Field(
        default=None,
        description="Pending: the first revision comes up. Stable: one revision serves. "
        "Progressing: a candidate below 100 %. Baking: a candidate at 100 %, the stable "
        "is kept as a standby. Paused: no step is taken. RollingBack: traffic goes "
        "back. RolledBack: stable serves, the spec asks for a rejected revision. "
        "Failed: nothing serves.",
    )
    message: str | None = Field(default=None, description="What is going on, in one line.")
    step: str | None = Field(default=None, description="The step as people count: 2/3.")
    weight: int | None = Field(
        default=None, description="Percent of the traffic that the candidate really has."
    )
    versions: Versions | None = Field(
        default=None, description="What serves and what is tried, for people and printer columns."
    )
    stable: StableStatus | None = Field(
        default=None, description="The revision that holds the traffic."
    )
    candidate: CandidateStatus | None = Field(
        default=None,
        description="The revision that is being tried, and what must be remembered of it.",
    )
    previous: StableStatus | None = Field(
        default=None, description="The stable before this one, for the rollback command."
    )
    formerly: list[Former] = Field(
        default_factory=list,
        max_length=10,
        description="Earlier stable revisions, the latest last, for rollout.revertWithin.",
    )
    retreat: Retreat | None = Field(
        default=None, description="The revision that traffic is being taken from."
    )
    rejected: Rejected | None = Field(
        default=None,
        description="The last revision that was rolled back. It is not tried again until the spec "
        "asks for another one, or the command retry.",
    )
    traffic: list[Weight] = Field(
        default_factory=list, description="The weights as they really are."
    )
    testers: str | None = Field(
        default=None,
        description="The revision that traffic.candidateHeader leads to, where that isn't as the"
        " weights say.",
    )
    traffic_since: Time | None = Field(default=None, description="When either last changed.")
    signals: list[Evidence] = Field(
        default_factory=list,
        description="The evidence of the last evaluation. It stays after a rejection until"
        " the next rollout.",
    )
    history: list[Transition] = Field(
        default_factory=list,
        max_length=HISTORY_LENGTH,
        description="The last 20 transitions, the latest last.",
    )
    conditions: list[Condition] = Field(
        description="What holds at present, such as Accepted, Available, Progressing and "
        "MetricsAvailable.",
        default_factory=list,
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
        },
    )
    paused: bool = Field(default=False, description="Paused by command or by onFailure: Pause.")
    handled_action: str | None = Field(
        default=None,
        description="The last value of the annotation transit.dev/action that was acted upon.",
    )
    pins: Pins | None = Field(
        default=None,
        description="What the spec's versions mean, until another spec, the command resolve, or an"
        " alias that is followed has moved.",
    )
    followed: Followed | None = Field(
        default=None, description="The last look at aliases, where models[].follow asks for it."
    )


def read_status(raw: dict[str, Any]) -> ModelDeploymentStatus:
    """Return a status as far as it is understood: one of a newer version may have other values.

    What can't be read is left out, from the innermost optional part on; what of it a decision needs
    is rebuilt from the cluster.
    """
    understood = raw
    while True:
        try:
            return ModelDeploymentStatus.model_validate(understood)
        except ValidationError as error:
            if understood is raw:  # only now: copying takes longer than reading
                understood = copy.deepcopy(raw)
            path = list(error.errors()[0]["loc"])
            if path == ["rejected", "reason"]:  # it stays rejected, for whatever reason
                understood["rejected"]["reason"] = RejectReason.ABORTED
            else:
                _leave_out(understood, path)


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
