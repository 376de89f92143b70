"""Feedback: what was right, told afterwards, so that accuracy becomes a metric.

It comes to whichever pod the Service picks, seldom to the one that predicted. So it brings back the
token that stood with the prediction (`feedback_tokens`); any pod counts it under the revision that
predicted (docs/decisions/0045-feedback-by-token.md). Nothing is remembered of predictions.
Neighbours: `counted_once` keeps a token from being counted again.
"""

from typing import Annotated

import msgspec

from transit_server.api.counted_once import CountedOnce
from transit_server.api.decoding.rows import decode
from transit_server.api.feedback_tokens import Claims, Range, Signer
from transit_server.errors import FeedbackOff, InvalidInput, NotYours
from transit_server.observability.feedback_series import FeedbackSeries
from transit_server.prediction_log.log import PredictionLog
from transit_server.serving.registry import Registry
from transit_server.settings import ENSEMBLE

_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
_Token = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]+$", min_length=1, max_length=16_384)]


class FeedbackBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """POST /api/v1/feedback."""

    feedback_token: _Token
    label: _Label | float


class PredictedBy(msgspec.Struct, gc=False):
    """Who predicted."""

    name: str
    version: str
    revision: str


class FeedbackAnswer(msgspec.Struct, gc=False):
    """`counted` is false for a token that this pod has counted already."""

    outcome: str
    counted: bool
    model: PredictedBy


_BODY = msgspec.json.Decoder(FeedbackBody)


class Feedback:
    """Counts what is said about predictions. Without a signer there is no feedback."""

    def __init__(
        self,
        registry: Registry,
        series: FeedbackSeries,
        revision: str,
        signer: Signer | None,
        prediction_log: PredictionLog | None = None,
    ) -> None:
        self._prediction_log = prediction_log
        self._registry = registry
        self._series = series
        self._revision = revision
        self._signer = signer
        self._counted = CountedOnce()

    def take(self, body: bytes, client: str) -> FeedbackAnswer:
        """Count one piece of feedback of an API key's client. Raises `ServingError`."""
        if self._signer is None:
            raise FeedbackOff(
                "this server's answers carry no tokens: it has no key to sign them with. Give it"
                " TRANSIT_FEEDBACK_KEY_FILE; under the operator, the ModelDeployment's Secret"
                " for feedback is gone: the next revision brings another one"
            )
        said = decode(_BODY, body)
        claims, tag = self._signer.read(said.feedback_token)
        if claims.client != client:
            raise NotYours("was given to another client", field="feedback_token")
        outcome = "correct" if self._is_right(claims, said.label) else "wrong"
        by = PredictedBy(claims.model, claims.version, claims.revision)
        self._counted.forget_before(self._signer.oldest)
        if not self._counted.first(tag, claims.day, client):
            return FeedbackAnswer(outcome, False, by)
        self._series.count(by.revision, by.name, by.version, outcome)
        if self._prediction_log is not None:
            self._prediction_log.told(
                *(claims.serial, claims.row, (by.revision, by.name, by.version)),
                *(claims.predicted, said.label, outcome == "correct"),
            )
        return FeedbackAnswer(outcome, True, by)

    def _is_right(self, claims: Claims, label: str | float) -> bool:
        """Raises `InvalidInput` for a label that can't be one."""
        if isinstance(claims.predicted, str):
            if isinstance(label, float):
                text = f"of model {claims.model} is the name of a class"
                raise InvalidInput(text, field="label")
            self._require_known(claims, label)
            return label == claims.predicted
        if isinstance(label, str):
            raise InvalidInput(f"of model {claims.model} is a number", field="label")
        return _is_in(claims.predicted, label)

    def _require_known(self, claims: Claims, label: str) -> None:
        """A slip must not count as an error of the model. Another revision may have other labels:
        of those nothing is known here.
        """
        if claims.revision != self._revision:
            return
        name = next(iter(self._registry.refs)) if claims.model == ENSEMBLE else claims.model
        labels = self._registry.get(name).labels
        if label not in labels:
            text = f"is not one of the classes {', '.join(labels)[:500]}"
            raise InvalidInput(text, field="label")


def _is_in(bounds: Range, value: float) -> bool:
    low, high = bounds
    return low <= value < high
