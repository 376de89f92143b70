"""The bodies of the v2 protocol, as far as they can be decoded without knowing the model: the data
of inputs stay text, or the bytes behind the JSON.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from transit_models.counting import counted
from transit_server.api.decoding import size_guard
from transit_server.api.decoding.large_bodies import LONG, in_one_call
from transit_server.api.decoding.rows import decode
from transit_server.api.v2 import long_lists
from transit_server.errors import InvalidInput, MalformedBody

Parameters = dict[str, Any]
_OUTLINED = 64  # values for each feature, where their lists are cut out: parts of short ones
_Id = Annotated[str, msgspec.Meta(max_length=1000)]  # it comes back with the answer
_Length = Annotated[int, msgspec.Meta(ge=0, le=2**31)]


class InferInput(msgspec.Struct):
    """One input of a request."""

    name: str
    shape: Annotated[list[_Length], msgspec.Meta(min_length=1, max_length=8)]
    datatype: str
    parameters: Parameters = {}
    data: msgspec.Raw = msgspec.Raw()


class RequestedOutput(msgspec.Struct):
    """One output that is wanted."""

    name: str
    parameters: Parameters = {}


class Asked(msgspec.Struct):
    """What a request asks for."""

    inputs: list[InferInput]
    id: _Id = ""
    parameters: Parameters = {}
    outputs: list[RequestedOutput] = []

    @property
    def wants_tokens(self) -> bool:
        return self.parameters.get("feedback") is True


class _Outline(msgspec.Struct):
    """The same with the lists as text, so that what is too long is not decoded."""

    inputs: msgspec.Raw
    id: _Id = ""
    parameters: Parameters = {}
    outputs: msgspec.Raw = msgspec.Raw(b"[]")


_ASKED = msgspec.json.Decoder(Asked)
_OUTLINE = msgspec.json.Decoder(_Outline)
_INPUTS = msgspec.json.Decoder(list[InferInput])
_OUTPUTS = msgspec.json.Decoder(list[RequestedOutput])


@dataclass(frozen=True, slots=True)
class Limits:
    """No model takes more than `inputs`, nor rows of more than `widest` values, nor values with
    longer names, see `size_guard`.
    """

    inputs: int
    rows: int
    widest: int
    longest_name: int | None


def decode_infer(body: bytes, json_size: int | None, limits: Limits) -> tuple[Asked, memoryview]:
    """What is asked, and what is behind the JSON. Raises a `ClientMistake` that names the field."""
    if json_size is not None and json_size > len(body):
        raise MalformedBody(
            f"Inference-Header-Content-Length is {json_size}, "
            f"the body has {counted(len(body), 'byte')}"
        )
    binary = memoryview(body)[len(body) if json_size is None else json_size :]
    asked = _decoded(body if json_size is None else body[:json_size], limits)
    if not isinstance(asked.parameters.get("feedback", False), bool):
        raise InvalidInput("must be true or false", field="parameters.feedback")
    return asked, binary


def _decoded(text: bytes, limits: Limits) -> Asked:
    size_guard.check_values(text, limits.rows, limits.widest)
    if len(text) <= LONG:
        return _whole(text, limits)
    outline = long_lists.cut_out(text)
    if limits.longest_name is not None:  # else there are texts in it
        size_guard.check_values(outline.text, _OUTLINED, limits.widest)
    size_guard.check_bytes(outline.text, limits.longest_name)
    asked = _whole(outline.text, limits)
    for item in asked.inputs:
        item.data = outline.restored(item.data)
    return asked


def _whole(text: bytes, limits: Limits) -> Asked:
    if not size_guard.has_more_objects(text):
        try:
            return in_one_call(_ASKED.decode, text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # what is wrong is told below
    outline = decode(_OUTLINE, text)
    size_guard.check_list(outline.inputs, "inputs", limits.inputs)
    size_guard.check_list(outline.outputs, "outputs")
    return Asked(
        decode(_INPUTS, outline.inputs, "inputs"),
        outline.id,
        outline.parameters,
        decode(_OUTPUTS, outline.outputs, "outputs"),
    )
