"""`spec.rollout.analysis`: what is measured of a candidate, and what rejects it."""

from typing import Literal

from pydantic import Field

from .base import ApiModel
from .duration import DURATION_PATTERN, Duration


class Judged(ApiModel):
    """What every signal's rule has. Off, or null instead of the rule: not judged at all.

    Both, because `kubectl apply` takes a null for "as the default says" on its way.
    """

    mode: Literal["Enforce", "Warn", "Off"] | None = Field(
        default=None,
        description="Enforce, the default: it rejects the candidate, or holds the step. Warn: what"
        " it finds is reported and counted, but rejects nothing and holds no step. Off: ignored.",
    )

    @property
    def enforced(self) -> bool:
        """Whether it rejects and holds."""
        return self.mode in (None, "Enforce")


class ErrorRate(Judged):
    max: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="The largest share of errors; time-outs count, 4xx don't. Rows on which a model"
        " fails that answers its own probes count as far as they are more than the stable's share.",
    )


class Latency(Judged):
    quantile: float = Field(
        default=0.95, gt=0, lt=1, description="The quantile that is compared: 0.95 is p95."
    )
    max_ratio: float = Field(default=2.0, gt=0, description="Candidate over stable.")


class Drift(Judged):
    max_kl: float = Field(
        default=0.3, gt=0, alias="maxKL", description="KL(candidate || stable) in nats."
    )


class Accuracy(Judged):
    max_drop: float = Field(
        gt=0,
        le=1,
        description="How much lower the candidate's share of correct predictions may be, of those"
        " whose true label came back as feedback: 0.05 is five percentage points.",
    )


class Invalid(Judged):
    max_increase: float = Field(
        default=0.05,
        gt=0,
        le=1,
        description="How much larger the candidate's share of invalid requests (4xx) may be than"
        " the stable's at the same time: 0.05 is five percentage points.",
    )


class TrafficArrives(Judged):
    """`traffic: {}`: a candidate that gets (almost) nothing of its share has failed."""


class Health(Judged):
    consecutive_failures: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Evaluations in a row with a pod not ready or restarted.",
    )


class CustomMetric(Judged):
    rules = (
        {
            "rule": "has(self.max) || has(self.min)",
            "message": "needs max, min or both: without a bound nothing is judged",
        },
        {
            "rule": "!has(self.max) || !has(self.min) || self.min <= self.max",
            "message": "min must not be above max: every number would fail",
        },
        {
            "rule": "!self.query.replace('{{namespace}}', '').replace('{{name}}', '')"
            ".replace('{{stable}}', '').replace('{{candidate}}', '').contains('{{')",
            "message": "query knows {{namespace}}, {{name}}, {{stable}} and {{candidate}} only",
        },
    )

    name: str = Field(
        max_length=63,
        pattern="^[a-zA-Z][a-zA-Z0-9_-]*$",
        description="As custom/NAME in status.signals.",
    )
    query: str = Field(
        max_length=4096,
        description="PromQL with one number as its answer; {{namespace}}, {{name}}, {{stable}} and"
        " {{candidate}} are filled in.",
    )
    max: float | None = Field(default=None, description="It fails above this.")
    min: float | None = Field(default=None, description="It fails below this.")


class NoData(ApiModel):
    policy: Literal["Hold", "Rollback"] = Field(
        default="Hold",
        description="Hold waits for data as long as it takes; Rollback rejects the candidate.",
    )
    after: Duration = Field(
        default="30m",
        description="How long without data, for Rollback; less than two intervals counts as two."
        " Before the first share Prometheus has as long as `window` to find the pods.",
    )


class Analysis(ApiModel):
    rules = (
        {
            "rule": f"!self.interval.matches(r'{DURATION_PATTERN}')"
            f" || !self.window.matches(r'{DURATION_PATTERN}')"
            " || duration(self.window) >= duration(self.interval) + duration(self.interval)",
            "message": "window must be at least two intervals long",
        },
        {
            "rule": f"!self.interval.matches(r'{DURATION_PATTERN}')"
            " || duration(self.interval) >= duration('1s')",
            "message": "interval must be at least 1s",
        },
    )

    interval: Duration = Field(default="15s", description="Time between two evaluations.")
    window: Duration = Field(default="5m", description="How far back a query looks.")
    min_samples: int = Field(
        default=100, ge=1, le=1_000_000, description="Of the candidate, in the window."
    )
    error_rate: ErrorRate | None = Field(
        default_factory=ErrorRate, description="Errors of all predictions; null: not judged."
    )
    latency: Latency | None = Field(
        default_factory=Latency, description="Against the stable's; null: not judged."
    )
    drift: Drift | None = Field(
        default_factory=Drift,
        description="Predicted classes against the stable's; null: not judged.",
    )
    invalid: Invalid | None = Field(
        default_factory=Invalid,
        description="Invalid requests against the stable's; null: not judged.",
    )
    traffic: TrafficArrives | None = Field(
        default_factory=TrafficArrives,
        description="Whether the candidate gets its share at all; null: not judged.",
    )
    accuracy: Accuracy | None = Field(
        default=None, description="Only for clients that send feedback; without it not judged."
    )
    health: Health | None = Field(
        default_factory=Health, description="Pods that aren't ready or restart; null: not judged."
    )
    custom: list[CustomMetric] = Field(
        default_factory=list,
        max_length=16,
        description="Numbers of your own queries, with bounds.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
    )
    no_data: NoData = Field(
        default_factory=NoData, description="What follows when signals have no data for long."
    )
