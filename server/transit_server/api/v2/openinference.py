"""The Open Inference Protocol v2 without HTTP: server and model metadata, and infer.

A model of numbers has one input, `features`; others have one for each column or tensor. A
classifier has three outputs: `probabilities`, `class_id` and `class`; a regression one, `value`; a
model with several outputs has those.
Neighbours: `requests` decodes bodies, `inputs` makes rows of them, `answers` shapes what is said;
`http.openinference_routes` has the paths.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transit_server.api.decoding.large_bodies import by_size, size_of_answer
from transit_server.api.experiment import Splitter
from transit_server.api.feedback_tokens import Recipient, Signer, judged
from transit_server.api.v2.answers import InferAnswer, encoded, outputs_of, wanted
from transit_server.api.v2.inputs import described, rows_of
from transit_server.api.v2.requests import Limits, Parameters, decode_infer
from transit_server.errors import ClientMistake, NotReady, PredictionFailed
from transit_server.serving.inference import Predicting, Prediction
from transit_server.serving.registry import Registry


@dataclass(frozen=True, slots=True)
class InferCall:
    """What is known of a request before its body is decoded."""

    started: float  # when all of it had come
    request_id: str
    charge: Callable[[int], None]  # counts its rows against its client's rate
    model: str
    version: str | None
    to: Recipient
    unit: str  # whom an experiment takes it for
    json_size: int | None  # of the binary extension: how much of the body is JSON


class OpenInferenceApi:
    """Answers in the protocol's schema."""

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

    def server(self, version: str) -> dict[str, Any]:
        """What the server says of itself; `version` is that of its program."""
        return {"name": "transit", "version": version, "extensions": ["binary_tensor_data"]}

    def model(self, name: str, version: str | None) -> dict[str, Any]:
        """Raises `UnknownModel`, `NotReady`."""
        model = self._registry.get(name, version)
        return {
            "name": model.name,
            "versions": self._registry.versions(name),
            "platform": model.engine,
            "inputs": described(model.inputs),
            "outputs": [
                {"name": output, "datatype": datatype, "shape": shape}
                for output, (datatype, shape) in outputs_of(model).items()
            ],
            "parameters": {"revision": self._revision, "labels": list(model.labels)},
        }

    def ready(self, name: str, version: str | None) -> None:
        """Raises `UnknownModel`, `NotReady`."""
        model = self._registry.get(name, version)
        if why := model.unready_because:
            raise NotReady(f"model {name} {why}")

    async def infer(self, body: bytes, call: InferCall) -> InferAnswer:
        """Raises `ServingError`; one row that fails fails the request, the protocol knows no other
        way.
        """
        registry = self._registry
        try:
            model = registry.get(call.model, call.version)
            if self._splitter is not None and call.version is None:
                model = self._splitter.choose(model, call.unit)
            limits = Limits(
                registry.most_inputs, self._max_rows, registry.widest, registry.longest_name
            )
            asked, binary = await by_size(len(body), decode_infer, body, call.json_size, limits)
            rows = await by_size(
                len(body), rows_of, asked.inputs, binary, model.inputs, self._max_rows
            )
            there_are = outputs_of(model)
            outputs = wanted(asked, there_are)
        except ClientMistake:
            registry.invalid(call.model)
            raise
        call.charge(len(rows))
        request = (call.started, call.request_id, call.to.serial)
        said = await self._inference.predict(model, rows, *request)
        if said.errors:
            row, failure = next(iter(said.errors.items()))
            raise PredictionFailed(
                f"model {model.name}: row {row}: {failure.reason}; request id {call.request_id}"
            )
        size = size_of_answer(body, len(rows))
        if asked.wants_tokens:
            parameters = await by_size(size, self._parameters, said, call.to)
        else:
            parameters = {"revision": self._revision}
        return await by_size(size, encoded, asked, outputs, there_are, said, parameters)

    def _parameters(self, said: Prediction, to: Recipient) -> Parameters:
        """With tokens: one for each row, in their order, with a space between two; the protocol's
        parameters know no lists.
        """
        parameters = {"revision": self._revision}
        if self._signer is None:
            return parameters
        model, tokens = said.model, []
        for row, class_id in enumerate(said.class_ids):
            predicted = judged(model, class_id)
            if predicted is None:
                return parameters
            tokens.append(self._signer.sign(to, row, model.name, model.version, predicted))
        return {**parameters, "feedback_tokens": " ".join(tokens)}
