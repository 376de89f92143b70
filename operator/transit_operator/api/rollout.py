"""`spec.rollout`: the steps of a rollout, and what becomes of a failed one."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from .analysis import Analysis
from .base import ApiModel
from .duration import DURATION_PATTERN, Duration
from .patterns import DNS_LABEL
from .pod_template import NO_LABELS_OF_OURS


class Step(ApiModel):
    weight: int = Field(ge=0, le=100, description="Percent of the traffic for the candidate.")
    hold: Duration = Field(description="How long to stay, counting only time with data.")
    approval: bool = Field(
        default=False,
        description="After the hold, go on only by the command promote.",
    )


class _PartOfPod(ApiModel):
    """What Transit reads of a pod template; all else is Kubernetes' affair and stays as it is."""

    model_config = ConfigDict(**{**ApiModel.model_config, "extra": "allow"})


class CheckContainer(_PartOfPod):
    name: str = Field(
        max_length=63, pattern=f"^{DNS_LABEL}$", description="The container's name, a DNS label."
    )
    image: str = Field(min_length=1, max_length=4096, description="The container's image.")
    env: list[dict[str, Any]] = Field(
        default_factory=list, max_length=1000, description="As in any pod."
    )


class CheckPod(_PartOfPod):
    containers: list[CheckContainer] = Field(
        min_length=1,
        max_length=16,
        description="As in any pod; all must end with exit code 0.",
    )
    restart_policy: Literal["Never", "OnFailure"] = Field(
        default="Never", description="As in any Job. Never: the first failure counts."
    )


class CheckMetadata(_PartOfPod):
    labels: dict[str, Annotated[str, Field(max_length=63)]] = Field(
        default_factory=dict,
        max_length=64,
        description="Labels of the pod, beside those of Transit.",
        json_schema_extra=NO_LABELS_OF_OURS,
    )
    annotations: dict[str, str] = Field(
        default_factory=dict, description="Annotations of the pod, such as those of a mesh."
    )


class CheckTemplate(_PartOfPod):
    metadata: CheckMetadata | None = Field(
        default=None, description="Labels and annotations of the pod."
    )
    spec: CheckPod = Field(description="The pod's spec, as in a Job.")


class Check(ApiModel):
    rules = (
        {
            "rule": f"!self.timeout.matches(r'{DURATION_PATTERN}')"
            " || duration(self.timeout) >= duration('1s')",
            "message": "timeout must be at least 1s: no Job ends in no time",
        },
    )

    name: str = Field(
        max_length=40,
        pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
        description="Names the check in status and messages.",
    )
    template: CheckTemplate = Field(
        description="The pod template of a Job: exit 0 passes. Its containers are told the"
        " candidate's address in TRANSIT_CANDIDATE_URL.",
    )
    timeout: Duration = Field(default="10m", description="How long it may take, then it failed.")


def _default_steps() -> list[Step]:
    return [
        Step(weight=10, hold="30m"),
        Step(weight=50, hold="30m"),
        Step(weight=100, hold="24h"),
    ]


class Rollout(ApiModel):
    rules = (
        {
            "rule": f"!self.progressDeadline.matches(r'{DURATION_PATTERN}')"
            " || duration(self.progressDeadline) >= duration('1s')",
            "message": "progressDeadline must be at least 1s: no pod is ready in no time",
        },
    )

    steps: list[Step] = Field(
        description="Weights of the candidate, one after the other; they rise to 100. Default:"
        " 10 % for 30m, 50 % for 30m, 100 % for 24h. An edit during a rollout takes effect at "
        "once.",
        default_factory=_default_steps,
        min_length=1,
        max_length=32,
        json_schema_extra={
            "x-kubernetes-list-type": "atomic",
            "x-kubernetes-validations": [
                {
                    "rule": "self.size() == 0 || self[self.size() - 1].weight == 100",
                    "message": "the last step's weight must be 100",
                },
                {
                    # isSorted allows equal neighbours; exists_one refuses them.
                    "rule": "self.size() < 2 || self.map(s, s.weight).isSorted()"
                    " && self.all(s, self.exists_one(t, t.weight == s.weight))",
                    "message": "weights must rise from step to step",
                },
            ],
        },
    )
    progress_deadline: Duration = Field(
        default="10m", description="A candidate that isn't ready by then has failed."
    )
    analysis: Analysis = Field(
        default_factory=Analysis,
        description="What is measured of the candidate at every interval, and what rejects it.",
    )
    checks: list[Check] = Field(
        default_factory=list,
        max_length=8,
        description="Jobs that must pass before the candidate gets its first share.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    capacity: Literal["Full", "Shared"] = Field(
        default="Full",
        description="Full: the stable keeps all its pods until the last step. Shared: it shrinks"
        " as the weight moves, so that both fit where one does; weights move as pods can follow."
        " Shared needs replicas, not autoscaling.",
    )
    reserve: int = Field(
        default=20,
        ge=0,
        le=90,
        description="With capacity: Shared, percent of the pods that may be missing while pods"
        " change hands, and that the stable keeps in the last step.",
    )
    revert_within: Duration = Field(
        default="24h",
        description="A revision that was stable so lately comes back in one step of 100 %; 0s:"
        " none does.",
    )
    keep_rejected: Duration = Field(
        default="0s",
        description="How long one pod of a rejected revision is kept, without traffic, to look at.",
    )
    on_failure: Literal["Rollback", "Pause"] = Field(
        default="Rollback",
        description="Rollback: the traffic goes back, at once. Pause: no further step is taken,"
        " and a person decides (promote or abort).",
    )
