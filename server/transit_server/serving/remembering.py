"""Inference with the answer cache before it: a model isn't asked for what it has answered already.

What has errors in it, and what a broken model or a full queue would answer, is neither looked up
nor kept. An answer from the cache is counted as every other one, for the verdict on errors and
drift; it has no latency, which is the model's: a candidate has nothing in the cache at first, and
would seem slow beside a stable that has (docs/decisions/0079-answer-cache.md).
"""

from transit_server.answer_cache.cache import AnswerCache
from transit_server.formats.base import Rows
from transit_server.serving.inference import Inference, Prediction
from transit_server.serving.registry import ServedModel


class Remembering:
    """As `Inference`, and quicker where the same rows come again."""

    def __init__(self, inference: Inference, answers: AnswerCache) -> None:
        self._inference = inference
        self._answers = answers

    async def run(self) -> None:
        """Keep the cache's connection; never ends by itself."""
        await self._answers.run()

    async def predict(
        self, model: ServedModel, rows: Rows, started: float, request_id: str, serial: bytes
    ) -> Prediction:
        """As `Inference.predict`."""
        request = (started, request_id, serial)
        if model.unready_because is not None:
            return await self._inference.predict(model, rows, *request)
        name, scores = await self._answers.look_up(model, rows)
        if scores is not None:
            return self._inference.remembered(model, rows, scores, *request)
        prediction = await self._inference.predict(model, rows, *request)
        if name and not prediction.errors:
            self._answers.keep(model, name, prediction.scores)
        return prediction
