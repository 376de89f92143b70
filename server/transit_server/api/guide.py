"""The guide's API without HTTP: a body in, an answer out.

`http.guide_routes` calls it; it decodes with `guide_requests`, predicts with `serving.inference`,
and shapes answers with `guide_answers`. What a client did wrong is counted here, since only here is
it known for which model.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from transit_models.counting import counted
from transit_server.api import guide_answers as answers
from transit_server.api.decoding import size_guard
from transit_server.api.decoding.large_bodies import SMALL, by_size, size_of_answer
from transit_server.api.decoding.rows import to_rows
from transit_server.api.experiment import Splitter
from transit_server.api.feedback_tokens import Range, Recipient, Signer, judged
from transit_server.api.guide_requests import Asked, Batch, Given, decode_batch, decode_predict
from transit_server.api.voting import Vote, vote
from transit_server.errors import ClientMistake, InvalidInput, PredictionFailed
from transit_server.formats.base import Rows
from transit_server.serving.inference import Predicting, Prediction
from transit_server.serving.registry import AUTO, Registry, ServedModel
from transit_server.settings import ENSEMBLE


@dataclass(frozen=True, slots=True)
class PredictCall:
    """What is known of a request before its body is decoded: when all of it had come, its id, what
    counts its rows against its client's rate, whom the answer is for, the model in its path, and
    whom an experiment takes it for.
    """

    started: float
    request_id: str
    charge: Callable[[int], None]
    to: Recipient
    model: str | None = None
    unit: str = ""


@dataclass(slots=True)
class _Meant:
    """The model that a client's mistake is counted for, as far as that is known."""

    model: str


class GuideApi:
    """Answers predictions in the guide's schema."""

    def __init__(
        self,
        registry: Registry,
        inference: Predicting,
        revision: str,
        max_rows: int,
        splitter: Splitter | None = None,
        signer: Signer | None = None,
    ) -> None:
        self._signer = signer
        self._splitter = splitter
        self._registry = registry
        self._inference = inference
        self._revision = revision
        self._max_rows = max_rows

    async def predict(self, body: bytes, call: PredictCall) -> answers.OneAnswer:
        """One row. Raises `ServingError`."""
        meant = _Meant(call.model or AUTO)
        try:
            large = len(body) > SMALL
            if large:
                asked, given = await by_size(len(body), self._decode_large_row, body)
            else:
                asked, given = decode_predict(body)
            models = self._models(asked, call, meant)
            inputs = models[0].inputs
            if large:
                rows = await by_size(len(body), to_rows, given, inputs, "features")
            else:
                rows = to_rows(given, inputs, "features")
        except ClientMistake:
            self._registry.invalid(meant.model)
            raise
        said = await self._ask(models, rows, call)
        for prediction in said:
            if prediction.errors:
                raise PredictionFailed(_told(prediction, 0, call))
        about = answers.about(call.request_id)
        by = self._by(said)
        if asked.return_all_models:
            compared = _compare(said, _vote(said, asked), asked, 0)
            self._sign([compared], said, by, call)
            return answers.ComparisonAnswer(
                compared.ensemble_prediction,
                compared.individual_predictions,
                compared.agreement_score,
                by,
                about,
            )
        (outcome,) = outcomes = _outcomes(said, asked)
        self._sign(outcomes, said, by, call)
        if isinstance(outcome, answers.ValueOutcome):
            return answers.ValueAnswer(outcome, by, about)
        if isinstance(outcome, answers.LabelOutcome):
            return answers.LabelAnswer(outcome, by, about)
        return answers.PredictAnswer(outcome, by, about)

    async def predict_batch(self, body: bytes, call: PredictCall) -> answers.BatchAnswer:
        """Many rows. A row that fails has an error in its place; if all fail, raises
        `PredictionFailed`.
        """
        meant = _Meant(call.model or AUTO)
        try:
            batch = await by_size(len(body), self._decode_batch, body)
            asked, count = batch.asked, len(batch)
            models = self._models(asked, call, meant)
            if not 1 <= count <= self._max_rows:
                raise InvalidInput(
                    f"needs 1 to {counted(self._max_rows, 'row')}, got {count}", field="features"
                )
            rows = await by_size(len(body), batch.rows, models[0].inputs)
        except ClientMistake:
            self._registry.invalid(meant.model)
            raise
        call.charge(count)
        said = await self._ask(models, rows, call)
        return await by_size(
            size_of_answer(body, count), self._batch_answer, asked, said, count, call
        )

    def _decode_large_row(self, body: bytes) -> tuple[Asked, Given]:
        if self._registry.widest:  # else no model is ready, which is said later
            size_guard.check_values(body, 1, self._registry.widest)
        size_guard.check_bytes(body, self._registry.longest_name)
        return decode_predict(body)

    def _decode_batch(self, body: bytes) -> Batch:
        if self._registry.widest:  # else no model is ready, which is said later
            size_guard.check_rows(body, self._max_rows, self._registry.widest)
        size_guard.check_bytes(body, self._registry.longest_name)
        return decode_batch(body, wide=self._registry.wide)

    def _batch_answer(
        self, asked: Asked, said: Sequence[Prediction], count: int, call: PredictCall
    ) -> answers.BatchAnswer:
        errors: dict[int, str] = {}
        for prediction in said:
            for row in prediction.errors:
                errors.setdefault(row, _told(prediction, row, call))
        if len(errors) == count:
            raise PredictionFailed(errors[0], field="features[0]")
        predictions: (
            list[answers.AnyOutcome | answers.FailedRow]
            | list[answers.Comparison | answers.FailedRow]
        )
        if asked.return_all_models:
            together = _vote(said, asked)
            predictions = [
                _failed(row, errors[row]) if row in errors else _compare(said, together, asked, row)
                for row in range(count)
            ]
        else:
            outcomes = _outcomes(said, asked)
            predictions = [
                _failed(row, errors[row]) if row in errors else outcomes[row]
                for row in range(count)
            ]
        by = self._by(said)
        self._sign(predictions, said, by, call)
        return answers.BatchAnswer(predictions, len(errors), by, answers.about(call.request_id))

    def _sign(
        self,
        rows: Sequence[answers.AnyOutcome | answers.Comparison | answers.FailedRow],
        said: Sequence[Prediction],
        by: answers.AnsweredBy,
        call: PredictCall,
    ) -> None:
        """Give each prediction the token by which feedback on it can be believed."""
        if self._signer is None:
            return
        for row, answer in enumerate(rows):
            if isinstance(answer, answers.FailedRow):
                continue
            outcome = (
                answer.ensemble_prediction if isinstance(answer, answers.Comparison) else answer
            )
            predicted: str | Range | None
            if isinstance(outcome, answers.ValueOutcome):
                predicted = judged(said[0].model, said[0].class_ids[row])
            else:
                predicted = outcome.class_
            if predicted is not None:
                outcome.feedback_token = self._signer.sign(
                    call.to, row, by.name, by.version, predicted
                )

    def _models(self, asked: Asked, call: PredictCall, meant: _Meant) -> list[ServedModel]:
        if call.model is not None and asked.model not in (AUTO, call.model):
            raise InvalidInput(f"is not the model of the path, {call.model[:100]!r}", field="model")
        if call.model is not None and asked.return_all_models:
            raise InvalidInput("needs the path /api/v1/predict", field="return_all_models")
        meant.model = call.model or asked.model
        names = self._registry.names(meant.model)
        if asked.return_all_models:
            meant.model = ENSEMBLE
            names = self._registry.names(ENSEMBLE)
        models = [self._registry.get(name) for name in names]
        for model in models:
            _speaks_rows(model)
        if len(models) == 1 and not asked.return_all_models:
            (model,) = models
            return [model if self._splitter is None else self._splitter.choose(model, call.unit)]
        for model in models:
            if not model.probabilities:
                kind = "is a regression" if model.regression else "gives no probabilities"
                text = f"{model.name} {kind}, and only classes are compared"
                raise InvalidInput(text, field="return_all_models")
            if model.kind != models[0].kind:
                text = f"{models[0].name} and {model.name} differ in classes or features"
                raise InvalidInput(text, field="return_all_models")
        return models

    async def _ask(
        self, models: Sequence[ServedModel], rows: Rows, call: PredictCall
    ) -> list[Prediction]:
        request = (call.started, call.request_id, call.to.serial)
        if len(models) == 1:
            return [await self._inference.predict(models[0], rows, *request)]
        asked = [self._inference.predict(model, rows, *request) for model in models]
        results = await asyncio.gather(*asked, return_exceptions=True)
        # Every model has answered and was counted; the first failure is the answer.
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if not isinstance(result, BaseException)]

    def _by(self, said: Sequence[Prediction]) -> answers.AnsweredBy:
        if len(said) == 1:
            model = said[0].model
            took = answers.milliseconds(said[0].seconds)
            return answers.AnsweredBy(model.name, model.version, self._revision, took)
        version = "+".join(f"{item.model.name}-{item.model.version}" for item in said)
        took = answers.milliseconds(max(item.seconds for item in said))
        return answers.AnsweredBy(ENSEMBLE, version, self._revision, took)


def _vote(said: Sequence[Prediction], asked: Asked) -> Vote:
    scores = np.stack([np.nan_to_num(item.scores) for item in said])
    return vote(scores, hard=asked.voting == "hard")


def _outcomes(said: Sequence[Prediction], asked: Asked) -> Sequence[answers.AnyOutcome]:
    """One answer per row: the model's, or that of all together."""
    labels = said[0].model.labels
    if said[0].model.regression:
        return _values(said[0])
    if not said[0].model.probabilities:
        return _labels(said[0])
    if len(said) == 1:
        shares, class_ids = said[0].scores, said[0].class_ids
    else:
        together = _vote(said, asked)
        shares, class_ids = together.shares, together.class_ids.tolist()
    made = []
    for scores, class_id in zip(shares.tolist(), class_ids, strict=True):
        outcome = answers.Outcome(labels[class_id], class_id, scores[class_id])
        if asked.return_probabilities:
            outcome.probabilities = dict(zip(labels, scores, strict=True))
        made.append(outcome)
    return made


def _values(said: Prediction) -> list[answers.ValueOutcome]:
    made = []
    for value, class_id in zip(said.scores[:, 0].tolist(), said.class_ids, strict=True):
        outcome = answers.ValueOutcome(value)
        if said.model.labels:
            outcome.bin = said.model.labels[class_id]
        made.append(outcome)
    return made


def _labels(said: Prediction) -> list[answers.LabelOutcome]:
    labels = said.model.labels
    made = []
    for scores, class_id in zip(said.scores.tolist(), said.class_ids, strict=True):
        outcome = answers.LabelOutcome(labels[class_id], class_id)
        if len(scores) > len(labels):
            outcome.score = scores[-1]
        made.append(outcome)
    return made


def _speaks_rows(model: ServedModel) -> None:
    """Raises `InvalidInput` for what only the v2 protocol has words for."""
    if model.several or not (model.inputs.matrix or model.inputs.is_table):
        what = "answers several outputs" if model.several else "takes tensors"
        text = f"{model.name} {what}: use /v2/models/{model.name}/infer"
        raise InvalidInput(text, field="model")


def _compare(
    said: Sequence[Prediction], together: Vote, asked: Asked, row: int
) -> answers.Comparison:
    labels = said[0].model.labels
    individual = {}
    for item in said:
        class_id = item.class_ids[row]
        scores = item.scores[row].tolist()
        single = answers.IndividualOutcome(
            labels[class_id],
            class_id,
            scores[class_id],
            item.model.version,
            answers.milliseconds(item.seconds),
        )
        if asked.return_probabilities:
            single.probabilities = dict(zip(labels, scores, strict=True))
        individual[item.model.name] = single
    class_id = int(together.class_ids[row])
    shares = together.shares[row].tolist()
    ensemble = answers.EnsembleOutcome(labels[class_id], class_id, shares[class_id], asked.voting)
    if asked.return_probabilities:
        ensemble.probabilities = dict(zip(labels, shares, strict=True))
    return answers.Comparison(ensemble, individual, round(float(together.agreement[row]), 4))


def _told(said: Prediction, row: int, call: PredictCall) -> str:
    """Why a row has no prediction; the log says more, under the same id."""
    reason = said.errors[row].reason
    return f"model {said.model.name}: {reason}; request id {call.request_id}"


def _failed(row: int, text: str) -> answers.FailedRow:
    return answers.FailedRow(answers.RowError(PredictionFailed.code, text, f"features[{row}]"))
