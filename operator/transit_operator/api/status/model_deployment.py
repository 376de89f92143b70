"""The status as a whole, with its history and conditions."""

from typing import Literal

from pydantic import Field

from ..base import ApiModel
from .evidence import Evidence
from .revisions import CandidateStatus, Former, Rejected, Retreat, StableStatus
from .versions import Followed, Pins, Versions
from .words import Phase, Time

HISTORY_LENGTH = 20


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


class ModelDeploymentStatus(ApiModel):
    resource_uid: str | None = Field(
        default=None,
        description="metadata.uid of the resource that this is the status of. One of another"
        " resource, as after a restore in another cluster, counts as lost.",
    )
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
    traffic_since: Time | None = Field(
        default=None, description="When either last changed, or a Gateway took that over."
    )
    untaken: bool = Field(
        default=False,
        description="No Gateway has taken over the last change of weights: until one has, what lost"
        " its traffic keeps its pods.",
    )
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
