"""What a converter gives: ONNX that takes the model's own matrix and answers in its own order."""

from dataclasses import dataclass

from transit_server.formats.base import Rows


@dataclass(frozen=True, slots=True)
class Converted:
    """`rows` are such that the model tells them apart, made from what it has learned; None where
    nothing is known of its range. `exact`: the original computes with the same 32-bit numbers.
    """

    onnx: bytes
    rows: Rows | None = None
    exact: bool = False
