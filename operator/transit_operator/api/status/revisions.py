"""What is remembered of each revision, by the part that it plays."""

from typing import Literal

from pydantic import Field

from ..base import ApiModel
from .evidence import Baseline, Evidence
from .versions import PinnedModel
from .words import RejectReason, Time

_DIFFERING = (
    "Its models that run with other library versions than they were made with; absent until known."
)


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
    ready_at: Time | None = Field(
        default=None,
        description="Since when they are all ready, and something else is waited for.",
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
