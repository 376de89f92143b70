"""The answers of the guide's API, in the shape that the guide gives them."""

import time

import msgspec
from msgspec import UNSET, UnsetType

from transit_server.api.guide_requests import Voting


class Outcome(msgspec.Struct, omit_defaults=True, gc=False):
    """One predicted class."""

    class_: str = msgspec.field(name="class")
    class_id: int
    confidence: float
    probabilities: dict[str, float] | UnsetType = UNSET
    feedback_token: str | UnsetType = UNSET


class ValueOutcome(msgspec.Struct, omit_defaults=True, gc=False):
    """A regression's prediction; `bin` is the range it is in, if the model has any."""

    value: float
    bin: str | UnsetType = UNSET
    feedback_token: str | UnsetType = UNSET


class LabelOutcome(msgspec.Struct, omit_defaults=True, gc=False):
    """A class without probabilities; `score` is an outlier detection's, low for outliers."""

    class_: str = msgspec.field(name="class")
    class_id: int
    score: float | UnsetType = UNSET
    feedback_token: str | UnsetType = UNSET


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


class ValueAnswer(msgspec.Struct, gc=False):
    """The answer of a regression."""

    prediction: ValueOutcome
    model: AnsweredBy
    metadata: About


class LabelAnswer(msgspec.Struct, gc=False):
    """The answer of a model that gives a class alone."""

    prediction: LabelOutcome
    model: AnsweredBy
    metadata: About


class EnsembleOutcome(msgspec.Struct, omit_defaults=True, gc=False):
    """What the models said together."""

    class_: str = msgspec.field(name="class")
    class_id: int
    confidence: float
    voting: Voting
    probabilities: dict[str, float] | UnsetType = UNSET
    feedback_token: str | UnsetType = UNSET


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

    predictions: list["AnyOutcome | FailedRow"] | list[Comparison | FailedRow]
    failed: int
    model: AnsweredBy
    metadata: About


AnyOutcome = Outcome | ValueOutcome | LabelOutcome
OneAnswer = PredictAnswer | ValueAnswer | LabelAnswer | ComparisonAnswer


class _Clock:
    """The time as text; the text of the second is kept, since formatting it is slow."""

    def __init__(self) -> None:
        self._second = 0
        self._text = ""

    def now(self) -> str:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._text}.{int((now - second) * 1000):03d}Z"


_CLOCK = _Clock()


def about(request_id: str) -> About:
    return About(_CLOCK.now(), request_id)


def milliseconds(seconds: float) -> float:
    return round(seconds * 1e3, 3)
