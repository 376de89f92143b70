"""The numbers behind verdicts, and those kept of a stable revision while it has no traffic."""

from typing import Literal

from pydantic import Field

from ..base import ApiModel
from .words import Time, Verdict


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
    quantile: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="The quantile of its latencies. After an edit of the spec they are compared by"
        " this one still, if there are no others.",
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
