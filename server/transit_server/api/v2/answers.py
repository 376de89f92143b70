"""The answers of the v2 protocol: which outputs a model has, and what is said in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from transit_models.schema import Classes
from transit_server.api.v2 import tensors
from transit_server.api.v2.requests import Asked, Parameters, RequestedOutput
from transit_server.errors import InvalidInput
from transit_server.serving.inference import Prediction
from transit_server.serving.registry import ServedModel

OutputsOf = dict[str, tuple[str, list[int]]]


@dataclass(frozen=True, slots=True)
class InferAnswer:
    """The JSON part, and the binary tensors behind it, if any were asked for."""

    model: str
    version: str
    header: bytes
    tensors: bytes | None


def outputs_of(model: ServedModel) -> OutputsOf:
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


def wanted(asked: Asked, there_are: OutputsOf) -> list[RequestedOutput]:
    """The outputs that a request asks for: all, if it names none, and each once, or a small request
    could have an answer of any size. Raises `InvalidInput`.
    """
    if not asked.outputs:
        return [RequestedOutput(name) for name in there_are]
    names: set[str] = set()
    for index, output in enumerate(asked.outputs):
        if output.name not in there_are:
            known = ", ".join(there_are)
            text = f"there is no output {output.name[:100]!r}, only {known}"
            raise InvalidInput(text, field=f"outputs[{index}].name")
        if output.name in names:
            text = f"the output {output.name!r} is asked for twice"
            raise InvalidInput(text, field=f"outputs[{index}].name")
        names.add(output.name)
    return asked.outputs


def encoded(
    asked: Asked,
    outputs: Sequence[RequestedOutput],
    there_are: OutputsOf,
    said: Prediction,
    parameters: Parameters,
) -> InferAnswer:
    """The whole answer."""
    entries: list[dict[str, Any]] = []
    chunks: list[bytes] = []
    all_binary = asked.parameters.get("binary_data_output") is True
    for output in outputs:
        values, shape = _values(output.name, said)
        datatype = there_are[output.name][0]
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
        "parameters": parameters,
        "outputs": entries,
    }
    if asked.id:
        answer["id"] = asked.id
    header = msgspec.json.encode(answer)
    return InferAnswer(
        said.model.name, said.model.version, header, b"".join(chunks) if chunks else None
    )


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
