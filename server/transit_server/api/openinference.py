"""The Open Inference Protocol v2 without HTTP: server and model metadata, and infer.

A model of numbers has one input, `features`; others have one for each column or tensor. A
classifier has three outputs: `probabilities`, `class_id` and `class`; a regression one, `value`; a
model with several outputs has those.
Neighbours: `v2_inputs` makes rows of inputs, `tensors` reads the data, `http.openinference_routes`
has the paths.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from transit_models.schema import Classes
from transit_server.api import size_guard, tensors
from transit_server.api.experiment import Splitter
from transit_server.api.feedback_tokens import Recipient, Signer, judged
from transit_server.api.large_bodies import by_size
from transit_server.api.rows import decode
from transit_server.api.v2_inputs import InferInput, described, rows_of
from transit_server.errors import (
    ClientMistake,
    InvalidInput,
    MalformedBody,
    NotReady,
    PredictionFailed,
)
from transit_server.serving.inference import Inference, Prediction
from transit_server.serving.registry import Registry, ServedModel

Parameters = dict[str, Any]


class _RequestedOutput(msgspec.Struct):
    name: str
    parameters: Parameters = {}


class _InferBody(msgspec.Struct):
    """The lists stay text at first, so that what is too long is not decoded."""

    inputs: msgspec.Raw
    id: str = ""
    parameters: Parameters = {}
    outputs: msgspec.Raw = msgspec.Raw(b"[]")


_INFER = msgspec.json.Decoder(_InferBody)
_INPUTS = msgspec.json.Decoder(list[InferInput])
_OUTPUTS = msgspec.json.Decoder(list[_RequestedOutput])


@dataclass(frozen=True, slots=True)
class _Asked:
    inputs: list[InferInput]
    id: str
    parameters: Parameters
    outputs: list[_RequestedOutput]

    @property
    def wants_tokens(self) -> bool:
        return self.parameters.get("feedback") is True


@dataclass(frozen=True, slots=True)
class InferCall:
    """What is known of a request before its body is."""

    started: float
    request_id: str
    charge: Callable[[int], None]  # counts its rows against its client's rate
    model: str
    version: str | None
    to: Recipient
    unit: str  # whom an experiment takes it for
    json_size: int | None  # of the binary extension: how much of the body is JSON


@dataclass(frozen=True, slots=True)
class InferAnswer:
    """The JSON part, and the binary tensors behind it, if any were asked for."""

    model: str
    version: str
    header: bytes
    tensors: bytes | None


class OpenInferenceApi:
    """Answers in the protocol's schema."""

    def __init__(
        self,
        registry: Registry,
        inference: Inference,
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
        try:
            model = self._registry.get(call.model, call.version)
            if self._splitter is not None and call.version is None:
                model = self._splitter.choose(model, call.unit)
            asked, binary = await by_size(body, self._decode, body, call.json_size)
            rows = await by_size(body, rows_of, asked.inputs, binary, model.inputs, self._max_rows)
            there_are = outputs_of(model)
            outputs = asked.outputs or [_RequestedOutput(name) for name in there_are]
            for index, output in enumerate(outputs):
                if output.name not in there_are:
                    known = ", ".join(there_are)
                    text = f"there is no output {output.name[:100]!r}, only {known}"
                    raise InvalidInput(text, field=f"outputs[{index}].name")
        except ClientMistake:
            self._registry.invalid(call.model)
            raise
        call.charge(len(rows))
        said = await self._inference.predict(model, rows, call.started, call.request_id)
        if said.errors:
            row, failure = next(iter(said.errors.items()))
            raise PredictionFailed(
                f"model {model.name}: row {row}: {failure.reason}; request id {call.request_id}"
            )
        if asked.wants_tokens:
            return await by_size(body, self._answer, asked, outputs, said, call.to)
        return self._answer(asked, outputs, said, call.to)

    def _decode(self, body: bytes, json_size: int | None) -> tuple[_Asked, bytes]:
        """What is asked, and what is behind the JSON."""
        if json_size is not None and not 0 <= json_size <= len(body):
            raise MalformedBody(
                f"Inference-Header-Content-Length is {json_size}, the body has {len(body)} bytes"
            )
        text, binary = (body, b"") if json_size is None else (body[:json_size], body[json_size:])
        if self._registry.widest:  # else no model is ready, which was said before
            size_guard.check_values(text, self._max_rows, self._registry.widest)
        infer = decode(_INFER, text)
        size_guard.check_list(infer.inputs, "inputs", self._registry.most_inputs)
        size_guard.check_list(infer.outputs, "outputs")
        inputs = decode(_INPUTS, infer.inputs, "inputs")
        outputs = decode(_OUTPUTS, infer.outputs, "outputs")
        if not isinstance(infer.parameters.get("feedback", False), bool):
            raise InvalidInput("must be true or false", field="parameters.feedback")
        return _Asked(inputs, infer.id, infer.parameters, outputs), binary

    def _answer(
        self, asked: _Asked, outputs: list[_RequestedOutput], said: Prediction, to: Recipient
    ) -> InferAnswer:
        entries: list[dict[str, Any]] = []
        chunks: list[bytes] = []
        all_binary = asked.parameters.get("binary_data_output") is True
        for output in outputs:
            values, shape = _values(output.name, said)
            datatype = outputs_of(said.model)[output.name][0]
            entry: dict[str, Any] = {"name": output.name, "datatype": datatype, "shape": shape}
            if output.parameters.get("binary_data", all_binary) is True:
                chunk = tensors.to_binary(values, datatype)
                chunks.append(chunk)
                entry["parameters"] = {"binary_data_size": len(chunk)}
            else:
                entry["data"] = values if isinstance(values, list) else values.ravel().tolist()
            entries.append(entry)
        answer: dict[str, Any] = {
            "model_name": said.model.name,
            "model_version": said.model.version,
            "parameters": {"revision": self._revision, **self._tokens(asked, said, to)},
            "outputs": entries,
        }
        if asked.id:
            answer["id"] = asked.id
        return InferAnswer(
            said.model.name,
            said.model.version,
            msgspec.json.encode(answer),
            b"".join(chunks) if chunks else None,
        )

    def _tokens(self, asked: _Asked, said: Prediction, to: Recipient) -> Parameters:
        """Those that were asked for: one for each row, in their order, with a space between two;
        the protocol's parameters know no lists.
        """
        if self._signer is None or not asked.wants_tokens:
            return {}
        model, tokens = said.model, []
        for row, class_id in enumerate(said.class_ids):
            predicted = judged(model, class_id)
            if predicted is None:
                return {}
            tokens.append(self._signer.sign(to, row, model.name, model.version, predicted))
        return {"feedback_tokens": " ".join(tokens)}


def outputs_of(model: ServedModel) -> dict[str, tuple[str, list[int]]]:
    """Name → datatype and shape of what the model answers."""
    floats = "FP64" if model.inputs.wide else "FP32"
    if model.several:
        return {name: (floats, [-1, width]) for name, width in model.widths}
    if model.regression:
        return {"value": (floats, [-1])}
    found = {"class_id": ("INT64", [-1]), "class": (tensors.BYTES, [-1])}
    if model.probabilities:
        return {"probabilities": (floats, [-1, len(model.labels)]), **found}
    scored = isinstance(model.outputs, Classes) and model.outputs.score
    return {**found, "score": (floats, [-1])} if scored else found


def _values(output: str, said: Prediction) -> tuple[NDArray[Any] | list[str], list[int]]:
    model = said.model
    count = len(said.scores)
    floats = np.float64 if model.inputs.wide else np.float32
    if model.several:
        start = 0
        for name, width in model.widths:
            if name == output:
                return said.scores[:, start : start + width].astype(floats), [count, width]
            start += width
    if output == "value":
        return said.scores[:, 0].astype(floats), [count]
    if output == "score":
        return said.scores[:, -1].astype(floats), [count]
    if output == "probabilities":
        return said.scores.astype(floats), list(said.scores.shape)
    if output == "class_id":
        return np.array(said.class_ids, dtype=np.int64), [len(said.class_ids)]
    return [model.labels[item] for item in said.class_ids], [len(said.class_ids)]
