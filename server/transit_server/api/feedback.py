"""Feedback: what was right, told afterwards, so that accuracy becomes a metric.

Feedback comes to whichever pod the Service picks, often not the one that predicted. So it may carry
what was predicted, by which model, version and revision, as the answer said; then any pod counts it
under the revision that predicted (docs/decisions/0011-feedback-carries-the-prediction.md). Without,
only the pod that predicted can know, for as long as it remembers.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from transit_models.schema import Number
from transit_server.api.rows import decode
from transit_server.errors import InvalidInput, UnknownPrediction
from transit_server.observability.feedback_series import FeedbackSeries
from transit_server.serving.registry import Registry, ServedModel
from transit_server.settings import ENSEMBLE

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
# A JSON integer may be written 3.0, which msgspec takes for a float only.
_Row = Annotated[float, msgspec.Meta(ge=0, le=2**31, multiple_of=1)]
_Version = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._+-]{1,1000}$", max_length=1000)]
_Revision = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=63)]


class PredictedBy(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The answer's `model`, as it was."""

    name: str
    version: _Version
    revision: _Revision
    latency_ms: float = 0.0


class FeedbackBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """POST /api/v1/feedback."""

    label: _Label | float
    request_id: _Id | UnsetType = UNSET
    prediction: _Label | float | UnsetType = UNSET
    model: PredictedBy | UnsetType = UNSET
    row: _Row = 0.0  # of a batch


class FeedbackAnswer(msgspec.Struct, gc=False):
    """`counted` is false for feedback that this pod has counted already."""

    outcome: str
    counted: bool
    model: PredictedBy


_BODY = msgspec.json.Decoder(FeedbackBody)


class _Remembered:
    """The last `size` things by their key, none older than `seconds`."""

    def __init__(self, size: int, seconds: float, clock: Callable[[], float]) -> None:
        self._size = size
        self._seconds = seconds
        self._clock = clock
        self._things: OrderedDict[Any, tuple[float, Any]] = OrderedDict()

    def put(self, key: object, thing: object) -> None:
        self._things[key] = (self._clock(), thing)
        if len(self._things) > self._size:
            self._things.popitem(last=False)

    def get(self, key: object) -> Any:
        """None if it isn't known, or too old."""
        since, thing = self._things.get(key, (0.0, None))
        return thing if thing is not None and self._clock() - since <= self._seconds else None


class Feedback:
    """Remembers predictions, and counts what was said about them."""

    def __init__(
        self,
        registry: Registry,
        series: FeedbackSeries,
        revision: str,
        size: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._series = series
        self._revision = revision
        self._predicted = _Remembered(size, seconds, clock)
        self._counted = _Remembered(size, seconds, clock)

    def predicted(self, request_id: str, model: str, version: str, label: str | float) -> None:
        """Remember the answer to a request with one row."""
        self._predicted.put(request_id, (model, version, label))

    def take(self, body: bytes) -> FeedbackAnswer:
        """Count one piece of feedback. Raises `ClientMistake`."""
        said = decode(_BODY, body)
        if said.prediction is UNSET or said.model is UNSET:
            prediction, by = self._own(said)
        else:
            prediction, by = said.prediction, said.model
        right, got = self._classes(by, said.label, prediction)
        outcome = "correct" if right == got else "wrong"
        if said.request_id is not UNSET:
            key = (said.request_id, said.row, by.name, by.revision)
            if self._counted.get(key) is not None:
                return FeedbackAnswer(outcome, False, by)
            self._counted.put(key, True)
        self._series.count(by.revision, by.name, by.version, outcome)
        return FeedbackAnswer(outcome, True, by)

    def _own(self, said: FeedbackBody) -> tuple[str | float, PredictedBy]:
        if said.prediction is not UNSET or said.model is not UNSET:
            missing = "model" if said.model is UNSET else "prediction"
            raise InvalidInput("prediction and model come together", field=missing)
        if said.request_id is UNSET:
            raise InvalidInput("needs request_id, or prediction and model", field="request_id")
        found = self._predicted.get(said.request_id)
        if found is None:
            raise UnknownPrediction(
                "this pod remembers no prediction of that request: it was another pod's, or is too "
                "long ago, or had many rows. Send prediction and model too, as they were answered",
                field="request_id",
            )
        model, version, label = found
        return label, PredictedBy(model, version, self._revision)

    def _classes(
        self, by: PredictedBy, label: str | float, prediction: str | float
    ) -> tuple[str, str]:
        """Label and prediction as classes; of a regression, the ranges that they are in. Raises
        `ClientMistake`.
        """
        for field, text in (("version", by.version), ("revision", by.revision)):
            if text.endswith("\n"):  # which "$" lets pass
                raise InvalidInput("ends with a line feed", field=f"model.{field}")
        if by.name != ENSEMBLE:
            self._registry.names(by.name)
        first = next(iter(self._registry.refs)) if by.name == ENSEMBLE else by.name
        model = self._registry.get(first)
        right, got = _as_class(model, label, "label"), _as_class(model, prediction, "prediction")
        # Another revision may have other labels; a model of this one has not.
        if by.revision == self._revision and right not in model.labels:
            known = ", ".join(model.labels)[:500]
            raise InvalidInput(f"is none of the classes {known}", field="label")
        return right, got


def _as_class(model: ServedModel, given: str | float, field: str) -> str:
    """A class's name, or the range that a number is in."""
    if model.regression != isinstance(given, float):
        wanted = "a number" if model.regression else "the name of a class"
        raise InvalidInput(f"of model {model.name} is {wanted}", field=field)
    if isinstance(given, str):
        return given
    bins = model.outputs.bins if isinstance(model.outputs, Number) else ()
    if not bins:
        text = f"can't be judged: the metadata of {model.name} has no output_schema.bins"
        raise InvalidInput(text, field=field)
    return model.labels[int(np.digitize(given, bins))]
