"""The answers of the guide's API, in the shape that the guide gives them."""

from datetime import UTC, datetime

import msgspec
from msgspec import UNSET, UnsetType

from transit_server.api.guide_requests import Voting


class Outcome(msgspec.Struct, omit_defaults=True, gc=False):
    """One predicted class."""

    class_: str = msgspec.field(name="class")
    class_id: int
    confidence: float
    probabilities: dict[str, float] | UnsetType = UNSET


class RowError(msgspec.Struct, gc=False):
    """Why a row of a batch has no prediction."""

    code: str
    message: str
    field: str


class FailedRow(msgspec.Struct, gc=False):
    """What stands in a batch's predictions for a row that failed."""

    error: RowError


class AnsweredBy(msgspec.Struct, gc=False):
    """Who answered."""

    name: str
    version: str
    revision: str
    latency_ms: float


class About(msgspec.Struct, gc=False):
    """When, and the answer to which request."""

    timestamp: str
    request_id: str


class PredictAnswer(msgspec.Struct, gc=False):
    prediction: Outcome
    model: AnsweredBy
    metadata: About


class EnsembleOutcome(msgspec.Struct, omit_defaults=True, gc=False):
    """What the models said together."""

    class_: str = msgspec.field(name="class")
    class_id: int
    confidence: float
    voting: Voting
    probabilities: dict[str, float] | UnsetType = UNSET


class IndividualOutcome(msgspec.Struct, omit_defaults=True, gc=False):
    """What one of several models said."""

    class_: str = msgspec.field(name="class")
    class_id: int
    confidence: float
    version: str
    latency_ms: float
    probabilities: dict[str, float] | UnsetType = UNSET


class Comparison(msgspec.Struct, gc=False):
    """What all models said about one row."""

    ensemble_prediction: EnsembleOutcome
    individual_predictions: dict[str, IndividualOutcome]
    agreement_score: float


class ComparisonAnswer(msgspec.Struct, gc=False):
    ensemble_prediction: EnsembleOutcome
    individual_predictions: dict[str, IndividualOutcome]
    agreement_score: float
    model: AnsweredBy
    metadata: About


class BatchAnswer(msgspec.Struct, gc=False):
    """The rows in their order; `failed` is how many of them have an error instead."""

    predictions: list[Outcome | FailedRow] | list[Comparison | FailedRow]
    failed: int
    model: AnsweredBy
    metadata: About


def about(request_id: str) -> About:
    now = datetime.now(UTC)
    return About(f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z", request_id)


def milliseconds(seconds: float) -> float:
    return round(seconds * 1e3, 3)
