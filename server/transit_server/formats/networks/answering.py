"""What a network answers: which outputs it has, how many numbers a row, and whether its task is
about that. Neighbours: `libraries.keras` calls it; `agreeing.outputs` maps to labels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, count
from math import prod
from typing import Any

import numpy as np

from transit_models.counting import counted
from transit_server.formats.base import Gives, Source, UnsupportedModel

_GIVES: dict[str, Gives] = {
    "regression": "value",
    "tensors": "tensors",
    "classification": "probabilities",
    "binary": "probabilities",
}
_ALL_OF_THEM = "pack it with --task tensors"


@dataclass(frozen=True, slots=True)
class Answering:
    """`plain` makes arrays of what the model returns: a tuple for `tensors`, else one."""

    gives: Gives
    widths: tuple[tuple[str, int], ...]
    plain: Callable[[Any], Any]
    notes: tuple[str, ...] = ()


def answering(model: Any, source: Source) -> Answering:
    """Raises `UnsupportedModel` when the model doesn't answer what its task is about."""
    gives = _GIVES.get(source.task)
    if gives is None:
        raise UnsupportedModel(f"Keras models do not answer the task {source.task}")
    outputs = list(model.outputs)
    names = _names(model)
    if len(names) != len(outputs):
        raise UnsupportedModel(f"its outputs {', '.join(names)} have outputs in them: end it flat")
    if gives == "tensors":
        return Answering(gives, _widths(model, names), lambda said: _arrays(said, names))
    if len(outputs) > 1:
        raise UnsupportedModel(
            f"it has {len(outputs)} outputs ({', '.join(names)}): {_ALL_OF_THEM}"
        )
    shape = tuple(outputs[0].shape[1:])
    _fits(gives, shape, source.classes)
    if gives == "probabilities" and _is_coarse(outputs[0]) and prod(shape) > 1:
        raise UnsupportedModel(
            "its answers are bfloat16, too coarse for probabilities that add up to 1: give its "
            "last layer dtype='float32'"
        )
    if gives == "probabilities" and _activation(model) == "linear":
        raise UnsupportedModel(
            "its last layer has no activation, so its answers are logits and no probabilities: end "
            "the model with softmax, of one number with sigmoid, or pack it with --task tensors"
        )
    notes: tuple[str, ...] = ()
    if gives == "value" and _activation(model) == "sigmoid":
        notes = (
            "its last layer is a sigmoid: if that is the probability of a class, give two "
            "--labels, the second for that class",
        )
    return Answering(gives, (), lambda said: _arrays(said, names)[0], notes)


def _fits(gives: Gives, shape: tuple[int | None, ...], classes: int) -> None:
    if None in shape:
        return  # what comes is seen when it is asked
    width, shown = prod(length or 1 for length in shape), list(shape) if len(shape) > 1 else ""
    answers = (
        f"it answers {counted(width, 'number')} a row{f', of the shape {shown}' if shown else ''}"
    )
    if gives == "value" and width != 1:
        raise UnsupportedModel(
            f"{answers}, and a regression is one: give labels if they are classes, or "
            f"{_ALL_OF_THEM}"
        )
    fits = len(shape) < 2 and (width == classes or (width == 1 and classes == 2))
    if gives == "probabilities" and classes and not fits:
        raise UnsupportedModel(
            f"{answers}, and gets {counted(classes, 'label')}: a classification has one for "
            f"each, or, of two labels, one number; else {_ALL_OF_THEM}"
        )


def _names(model: Any) -> list[str]:
    """A Sequential has an output only once it was called, and never a name for it. What comes out
    of one layer has one name in Keras 3: the second is numbered, as in Keras 2.
    """
    given = getattr(model, "output", None)
    if isinstance(given, dict):
        return [str(name) for name in given]
    known = getattr(model, "output_names", None) or [tensor.name for tensor in model.outputs]
    names: list[str] = []
    for name in map(str, known):
        numbered = (f"{name}_{number}" for number in count(1))
        names.append(next(one for one in chain([name], numbered) if one not in names))
    return names


def _widths(model: Any, names: list[str]) -> tuple[tuple[str, int], ...]:
    given = getattr(model, "output", None)
    outputs = list(given.values()) if isinstance(given, dict) else model.outputs
    widths = []
    for name, tensor in zip(names, outputs, strict=True):
        if None in tensor.shape[1:]:
            raise UnsupportedModel(f"its output {name} has an open shape: {tuple(tensor.shape)}")
        widths.append((name, prod(tensor.shape[1:])))
    return tuple(widths)


def _arrays(said: Any, names: list[str]) -> tuple[Any, ...]:
    if isinstance(said, dict):
        return tuple(np.asarray(said[name]) for name in names)
    return tuple(map(np.asarray, said if isinstance(said, list | tuple) else [said]))


def _is_coarse(tensor: Any) -> bool:
    return bool(getattr(tensor.dtype, "name", tensor.dtype) == "bfloat16")


def _activation(model: Any, output: int = 0) -> str:
    """Of the layer that the answers come out of, '' where it has none of its own to say."""
    last, _, place = model.outputs[output]._keras_history
    if getattr(last, "layers", None):
        return _activation(last, place)
    return str(getattr(getattr(last, "activation", None), "__name__", ""))
