"""A whole version, loaded: preprocessing, model, schema and proof, in the one order there is.

Neighbours: `serving.starting.loading` calls `load` for each model; the desk's `try` and
`look` do as well.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_models.counting import counted
from transit_models.file_formats import format_of
from transit_models.first_bytes import refuse_other
from transit_models.integrity import VerifiedVersion
from transit_models.probe import probe_rows
from transit_models.schema import Input, Inputs, Outputs
from transit_server.formats import preparation
from transit_server.formats.agreeing import proof, trying
from transit_server.formats.agreeing.door import door
from transit_server.formats.agreeing.inputs import agreed
from transit_server.formats.agreeing.outputs import Answers, answers
from transit_server.formats.base import (
    Engine,
    NotCompiled,
    Predict,
    Rows,
    Says,
    Source,
    UnsupportedModel,
)
from transit_server.formats.compile import compile_in_child, twin
from transit_server.formats.device import Device
from transit_server.formats.opening import Loader, loader_of, original, refuse_missing
from transit_server.formats.preparation import Preparation, Stage

_PROBES = 16
# What of requests fits into 32-bit floats; of all else, what preprocessing makes is kept in 64.
_IN_32_BITS = ("float32", "float16", "bool", "int8", "int16", "uint8", "uint16")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version that answers. `prepare` and `predict` come one after the other; `probes` are rows
    as requests have them; `says` is the model's own word on itself. `golden` are rows whose
    answers are those of the author's library, if the version brings any. `relax` is the engine's:
    whatever is compared is compared before it is called.
    """

    inputs: Inputs
    outputs: Outputs
    prepare: Stage | None
    predict: Predict
    width: int
    widths: tuple[tuple[str, int], ...]
    probabilities: bool
    probes: Rows
    engine: str
    note: str
    says: Says
    device: Device
    relax: Callable[[], None] | None
    golden: Rows | None = None


def load(version: VerifiedVersion, work: Path, threads: int = 1) -> Loaded:
    """The model of `version`, compiled where that pays and was checked; `work` may be written to.

    Raises `UnsupportedModel`, `ModelStoreError`, and what is no `Exception` of a pickle.
    """
    chosen = loader_of(version.model_file)
    begun = begin(version, threads)
    source, inputs, prepare, raw = begun.source, begun.inputs, begun.prepare, begun.raw
    engine, mapped = _engine(chosen, source, work)
    says = engine.says
    if inputs is None:
        inputs = agreed(source.schema, says)
        raw = probe_rows(version, _PROBES, inputs)
        predict = _through(door(inputs, says), mapped.predict)
    else:
        assert source.row is not None
        _takes_what_is_prepared(says, source.row)
        predict = mapped.predict
    assert raw is not None
    _take_what_is_missing(inputs, raw, prepare, predict)
    trying.check(prepare, predict, raw, mapped.probabilities)
    enter = door(inputs, says)
    golden = proof.check(version, inputs, prepare, predict, engine, mapped, enter)
    notes = (engine.note, mapped.note, *(n for n in says.notes if n not in engine.note))
    return Loaded(
        inputs=inputs,
        outputs=mapped.outputs,
        prepare=prepare,
        predict=predict,
        width=mapped.width,
        widths=mapped.widths,
        probabilities=mapped.probabilities,
        probes=raw,
        engine=engine.name,
        note="; ".join(note for note in notes if note),
        says=says,
        device=engine.device,
        relax=engine.relax,
        golden=golden,
    )


@dataclass(frozen=True, slots=True)
class Begun:
    """What is known before the model is opened. `inputs` is None where the model has to be asked,
    `raw` are probes as requests have them.
    """

    source: Source
    inputs: Inputs | None = None
    prepare: Stage | None = None
    raw: Rows | None = None


def begin(version: VerifiedVersion, threads: int = 1) -> Begun:
    """Preprocessing is opened, and the probes are prepared. Raises as `load`."""
    first = preparation.load(version, threads)
    source = Source(version.model_file, version, None, threads=threads)
    stated = source.schema.inputs
    if first is not None:
        inputs = agreed(source.schema, first.says)
        raw = probe_rows(version, _PROBES, inputs)
        prepare, prepared = _prepared(first, inputs, raw)
        source = replace(source, row=_row(prepared, stated), probes=prepared)
        return Begun(source, inputs, prepare, raw)
    if stated.matrix is not None:
        raw = probe_rows(version, _PROBES)
        return Begun(replace(source, row=stated.matrix, probes=raw), raw=raw)
    return Begun(source)


def _take_what_is_missing(
    inputs: Inputs, raw: Rows, prepare: Stage | None, predict: Predict
) -> None:
    """Raises `UnsupportedModel` when the metadata lets values be missing, and the model can't."""
    matrix = inputs.matrix
    if matrix is None or not matrix.missing or matrix.dtype[0] != "f":
        return
    row = raw[:1].copy()
    row[0, 0] = np.nan
    try:
        fine = bool(np.isfinite(predict(row if prepare is None else prepare(row))).all())
    except Exception as error:
        raise UnsupportedModel(
            f"the metadata says that values may be missing, and it can't take one: {error}"
        ) from error
    if not fine:
        raise UnsupportedModel("the metadata says that values may be missing, and it answers NaN")


def _engine(chosen: Loader, source: Source, work: Path) -> tuple[Engine, Answers]:
    """The twin, the compiled model, or the original, with why."""
    note = ""
    refuse_missing(source.path, chosen)
    if twin.has_twin(source):
        try:
            return twin.load(source)
        except NotCompiled as reason:
            note = str(reason)
    if (known := format_of(source.path)) is not None:
        refuse_other(source.path, known)
    if chosen.needs and find_spec(chosen.needs) is None:
        note = note or f"not compiled: {chosen.needs} is not installed"
    elif chosen.converter and source.probes is not None:
        compiled = _compiled(chosen, source, work)
        if compiled.onnx is not None:
            from transit_server.formats.graphs import sessions

            says = compiled.says
            assert says is not None
            engine = sessions.engine(compiled.onnx, says, source.threads, compiled.note)
            return engine, answers(engine, source.schema.outputs)
        note = "; ".join(part for part in (note, compiled.note) if part)
        if compiled.only_compiled:
            raise UnsupportedModel(
                f"a file of Keras 2 is served as ONNX only, and it is {note}: load it where it was "
                "trained and save it as ONNX"
            )
    engine = original(source, chosen)
    told = "; ".join(part for part in (note, engine.note) if part)
    return replace(engine, note=told), answers(engine, source.schema.outputs)


def _compiled(chosen: Loader, source: Source, work: Path) -> compile_in_child.Compiled:
    try:
        return compile_in_child.compile_in_child(chosen.module, chosen.converter, source, work)
    except compile_in_child.Died as error:
        if not chosen.needs:
            raise  # a pickle that ends whoever loads it must not be loaded here
        # Converting takes more memory than serving: what was too much there may be enough here.
        return compile_in_child.Compiled(None, f"not compiled: {error}")


def _through(enter: Callable[[Rows], Any] | None, predict: Predict) -> Predict:
    if enter is None:
        return predict
    return lambda rows: predict(enter(rows))


def _row(prepared: NDArray[Any], stated: Inputs) -> Input:
    """What comes to the model: in the shape that the metadata states, if it has as many numbers."""
    width = prepared.shape[1]
    matrix = stated.matrix
    shape = matrix.shape if matrix is not None and matrix.size == width else (width,)
    return Input("prepared", prepared.dtype.name, shape)


def _takes_what_is_prepared(says: Says, row: Input) -> None:
    if says.takes not in ("matrix", "frame"):
        raise UnsupportedModel("preprocessing gives a matrix of numbers, and the model takes more")
    if says.features is not None and says.features != row.size:
        raise UnsupportedModel(f"it takes {counted(says.features, 'feature')}, and gets {row.size}")


def _prepared(first: Preparation, inputs: Inputs, raw: Rows) -> tuple[Stage, NDArray[Any]]:
    """The preprocessing, and the probes as the model will see them; those on which it fails are
    left out.
    """
    wide = not all(field.dtype in _IN_32_BITS for field in inputs.fields)
    dtype = np.dtype("float64" if wide else "float32")
    prepare = first.stage(inputs, dtype)
    try:
        return prepare, _two_axes(prepare(raw), len(raw))
    except Exception:
        return prepare, _one_by_one(prepare, raw)


def _one_by_one(prepare: Stage, raw: Rows) -> NDArray[Any]:
    good: list[NDArray[Any]] = []
    failure: BaseException | None = None
    for index in range(len(raw)):
        try:
            good.append(_two_axes(prepare(raw[index : index + 1]), 1))
        except Exception as error:
            failure = failure or error
    if not good:
        raise UnsupportedModel(
            f"its preprocessing fails on every probe: {type(failure).__name__}: {failure}"
        )
    return np.concatenate(good)


def _two_axes(values: NDArray[Any], rows: int) -> NDArray[Any]:
    if values.ndim < 2 or len(values) != rows:
        raise ValueError(f"the answer's shape is {values.shape}, not ({rows}, features)")
    return values.reshape(rows, -1)
