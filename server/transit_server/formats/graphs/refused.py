"""Why ONNX Runtime doesn't take a file, in words of whoever exported it.

Neighbour: `libraries.onnx` opens files. What is not known here is told in ONNX Runtime's own words,
without the places in its source.
"""

import re
from collections.abc import Callable
from pathlib import Path

import onnxruntime

from transit_models.errors import NotAModel
from transit_server.formats.base import Unreadable

_RUNTIME = f"ONNX Runtime {onnxruntime.__version__}"
_PREFIX = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : |/onnxruntime_src/\S+ .*?\) (?=[A-Z])")
_KNOWN: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(r"Opset (\d+) is under development.*for domain (\S+) is till opset (\d+)", re.S),
        lambda m: (
            f"is written in opset {m[1]} of {m[2]}, and {_RUNTIME} knows those up to {m[3]}: "
            f"export it again with opset {m[3]} or lower"
        ),
    ),
    (
        re.compile(r"Unsupported model IR version: (\d+), max supported IR version: (\d+)"),
        lambda m: (
            f"is of ONNX's IR version {m[1]}, and {_RUNTIME} reads those up to {m[2]}: export it "
            f"again with an older onnx, or save it with model.ir_version = {m[2]}"
        ),
    ),
    (
        re.compile(r"No Op registered for (\S+) with domain_version of (\d+)"),
        lambda m: (
            f"needs the operator {m[1]}, which {_RUNTIME} does not have in opset {m[2]}: export it "
            "with the opset that has it, or without that operator"
        ),
    ),
    (
        re.compile(r"([\w.]+):(\w+)\(-?\d+\) is not a registered function/op"),
        lambda m: (
            f"needs the operator {m[2]} of {m[1]}, which {_RUNTIME} does not have: export it with "
            "the operators of ONNX alone"
        ),
    ),
    (
        re.compile(r"Could not find an implementation for (\w+)\((\d+)\)"),
        lambda m: (
            f"needs the operator {m[1]} of opset {m[2]} for numbers of a type for which {_RUNTIME} "
            "has none: export it in float32"
        ),
    ),
)


def why(path: Path, error: Exception) -> Exception:
    """What to raise instead of `error`, which opening `path` raised."""
    said = str(error)
    if "INVALID_PROTOBUF" in said or "No graph was found" in said:
        return NotAModel(
            f"{path.name} is cut off, or no ONNX model: it can't be parsed. Copy it again from "
            "where it was saved, whole"
        )
    for pattern, explained in _KNOWN:
        if (match := pattern.search(said)) is not None:
            return Unreadable(f"{path.name} {explained(match)}")
    words = " ".join(_PREFIX.sub("", said).split())[:300]
    return Unreadable(f"{path.name} can't be run by {_RUNTIME}: {words}. Export it again")
