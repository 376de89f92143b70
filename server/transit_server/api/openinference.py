"""The Open Inference Protocol v2 without HTTP: server and model metadata, and infer.

Every model has one input, `features`, and three outputs: `probabilities`, `class_id` and `class`;
a regression has one, `value`.
Neighbours: `tensors` for the data, `http.openinference_routes` for the paths.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from transit_server.api import tensors, too_many
from transit_server.api.experiment import Splitter
from transit_server.api.off_loop import by_size
from transit_server.api.rows import decode
from transit_server.errors import ClientMistake, InvalidInput, MalformedBody, PredictionFailed
from transit_server.formats.base import Rows
from transit_server.serving.inference import Inference, Prediction
from transit_server.serving.registry import Registry, ServedModel

INPUT = "features"
OUTPUTS = {"probabilities": "FP32", "class_id": "INT64", "class": tensors.BYTES}
VALUE = {"value": "FP32"}  # the output of a regression

Parameters = dict[str, Any]
_Length = Annotated[int, msgspec.Meta(ge=0, le=2**31)]


class _Input(msgspec.Struct):
    name: str
    shape: Annotated[list[_Length], msgspec.Meta(min_length=1, max_length=8)]
    datatype: str
    parameters: Parameters = {}
    data: msgspec.Raw = msgspec.Raw()


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
_INPUTS = msgspec.json.Decoder(list[_Input])
_OUTPUTS = msgspec.json.Decoder(list[_RequestedOutput])


@dataclass(frozen=True, slots=True)
class _Asked:
    inputs: list[_Input]
    id: str
    parameters: Parameters
    outputs: list[_RequestedOutput]


@dataclass(frozen=True, slots=True)
class InferCall:
    """What is known of a request before its body is."""

    started: float
    model: str
    version: str | None
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
    ) -> None:
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
        shapes = {"probabilities": [-1, len(model.labels)]}
        return {
            "name": model.name,
            "versions": self._registry.versions(name),
            "platform": model.engine,
            "inputs": [{"name": INPUT, "datatype": "FP32", "shape": [-1, model.features]}],
            "outputs": [
                {"name": output, "datatype": datatype, "shape": shapes.get(output, [-1])}
                for output, datatype in _outputs(model).items()
            ],
            "parameters": {"revision": self._revision, "labels": list(model.labels)},
        }

    async def infer(self, body: bytes, call: InferCall) -> InferAnswer:
        """Raises `ServingError`; one row that fails fails the request, the protocol knows no other
        way.
        """
        try:
            model = self._registry.get(call.model, call.version)
            if self._splitter is not None and call.version is None:
                model = self._splitter.choose(model, call.unit)
            asked, binary = await by_size(body, self._decode, body, call.json_size)
            rows = await by_size(body, _rows, asked, binary, model, self._max_rows)
            there_are = _outputs(model)
            outputs = asked.outputs or [_RequestedOutput(name) for name in there_are]
            for index, output in enumerate(outputs):
                if output.name not in there_are:
                    known = ", ".join(there_are)
                    text = f"there is no output {output.name[:100]!r}, only {known}"
                    raise InvalidInput(text, field=f"outputs[{index}].name")
        except ClientMistake:
            self._registry.invalid(call.model)
            raise
        said = await self._inference.predict(model, rows, call.started)
        if said.errors:
            row, text = next(iter(said.errors.items()))
            raise PredictionFailed(f"model {model.name}: row {row}: {text}")
        return self._answer(asked, outputs, said)

    def _decode(self, body: bytes, json_size: int | None) -> tuple[_Asked, bytes]:
        """What is asked, and what is behind the JSON."""
        if json_size is not None and not 0 <= json_size <= len(body):
            raise MalformedBody(
                f"Inference-Header-Content-Length is {json_size}, the body has {len(body)} bytes"
            )
        text, binary = (body, b"") if json_size is None else (body[:json_size], body[json_size:])
        if self._registry.widest:  # else no model is ready, which was said before
            too_many.check_values(text, self._max_rows, self._registry.widest)
        infer = decode(_INFER, text)
        too_many.check_list(infer.inputs, "inputs")
        too_many.check_list(infer.outputs, "outputs")
        inputs = decode(_INPUTS, infer.inputs, "inputs")
        outputs = decode(_OUTPUTS, infer.outputs, "outputs")
        return _Asked(inputs, infer.id, infer.parameters, outputs), binary

    def _answer(
        self, asked: _Asked, outputs: list[_RequestedOutput], said: Prediction
    ) -> InferAnswer:
        described: list[dict[str, Any]] = []
        chunks: list[bytes] = []
        all_binary = asked.parameters.get("binary_data_output") is True
        for output in outputs:
            values, shape = _values(output.name, said)
            datatype = _outputs(said.model)[output.name]
            entry: dict[str, Any] = {"name": output.name, "datatype": datatype, "shape": shape}
            if output.parameters.get("binary_data", all_binary) is True:
                chunk = tensors.to_binary(values, datatype)
                chunks.append(chunk)
                entry["parameters"] = {"binary_data_size": len(chunk)}
            else:
                entry["data"] = values if isinstance(values, list) else values.ravel().tolist()
            described.append(entry)
        answer: dict[str, Any] = {
            "model_name": said.model.name,
            "model_version": said.model.version,
            "parameters": {"revision": self._revision},
            "outputs": described,
        }
        if asked.id:
            answer["id"] = asked.id
        return InferAnswer(
            said.model.name,
            said.model.version,
            msgspec.json.encode(answer),
            b"".join(chunks) if chunks else None,
        )


def _outputs(model: ServedModel) -> dict[str, str]:
    """Name → datatype of what the model answers."""
    return VALUE if model.regression else OUTPUTS


def _rows(asked: _Asked, binary: bytes, model: ServedModel, max_rows: int) -> Rows:
    """The one input, as the model takes it. Raises `InvalidInput`."""
    if [item.name for item in asked.inputs] != [INPUT]:
        raise InvalidInput(f"needs exactly one input, named {INPUT!r}", field="inputs")
    (tensor,) = asked.inputs
    if tensor.datatype not in tensors.DTYPES:
        known = ", ".join(tensors.DTYPES)
        text = f"{tensor.datatype[:20]!r} is not a datatype of numbers: {known}"
        raise InvalidInput(text, field="inputs[0].datatype")
    shape = tensor.shape
    count, per_row = (shape[0], tensors.elements(shape[1:])) if len(shape) > 1 else (1, 0)
    if len(shape) == 1:
        per_row = shape[0]
    if per_row != model.features:
        text = f"shape {shape} is not [rows, {model.features}]"
        raise InvalidInput(text, field="inputs[0].shape")
    if not 1 <= count <= max_rows:
        raise InvalidInput(f"needs 1 to {max_rows} rows, got {count}", field="inputs[0].shape")
    size = tensor.parameters.get("binary_data_size")
    if size is not None:
        if size != len(binary):
            text = f"is {size}, and {len(binary)} bytes are behind the JSON"
            raise InvalidInput(text, field="inputs[0].parameters.binary_data_size")
        values = tensors.from_binary(binary, tensor.datatype, shape, "inputs[0]")
    elif binary:
        raise InvalidInput("no input has a binary_data_size for the bytes behind the JSON")
    elif not bytes(tensor.data):
        raise InvalidInput("is missing", field="inputs[0].data")
    else:
        values = tensors.from_json(tensor.data, tensor.datatype, shape, "inputs[0].data")
    return _finite(values, count)


def _finite(values: NDArray[Any], count: int) -> Rows:
    with np.errstate(over="ignore"):
        rows = values.astype(np.float32)
    if not np.isfinite(rows).all():
        index = int(np.flatnonzero(~np.isfinite(rows))[0])
        raise InvalidInput("is not a finite 32-bit float", field=f"inputs[0].data[{index}]")
    return rows.reshape(count, -1)


def _values(output: str, said: Prediction) -> tuple[NDArray[Any] | list[str], list[int]]:
    if output == "value":
        return said.scores[:, 0].astype(np.float32), [len(said.scores)]
    if output == "probabilities":
        return said.scores.astype(np.float32), list(said.scores.shape)
    if output == "class_id":
        return np.array(said.class_ids, dtype=np.int64), [len(said.class_ids)]
    return [said.model.labels[item] for item in said.class_ids], [len(said.class_ids)]
