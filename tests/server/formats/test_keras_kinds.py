"""Networks as people publish them: packed, loaded as the server does it, and held against the
library's own `predict`; or refused with what to do instead. None is silently different.

What the server does in processes of their own (looking into a file, compiling) is done in this one,
which imports TensorFlow once; `test_keras` and `test_unusual` have the real ones.
"""

import json
import re
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import tensorflow
from tensorflow import keras

from tests.server.formats import keras_kinds
from tests.server.formats.keras_kinds import REFUSED, SERVED, Kind
from transit_models import cli
from transit_models.integrity import verify_version
from transit_models.packing import answers, desk
from transit_models.probe import as_rows
from transit_server import formats
from transit_server.desk import look
from transit_server.formats.compile import compile_in_child
from transit_server.serving.one_model.predictor import Predictor
from transit_server.serving.starting.checking import check


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_: str, directory: Path, *tasks: str) -> Any:
        return json.loads(json.dumps(look.said(directory, tasks)))

    def compiled(folder: Path, _: str) -> int:
        compile_in_child._compile(folder)
        return 0

    monkeypatch.setattr(desk, "ask", ask)
    monkeypatch.setattr(compile_in_child, "_run", compiled)
    keras.utils.set_random_seed(0)


def saved(kind: Kind, folder: Path) -> Path:
    path = folder / f"model{kind.ending.split()[-1]}"
    if kind.ending == ".weights.h5":
        kind.model.save_weights(path)
    elif kind.ending == ".h5 as .keras":
        kind.model.save(folder / "model.h5")
        (folder / "model.h5").rename(path)
    else:
        kind.model.save(path)
    return path


def packed(path: Path, folder: Path, *told: str) -> Path:
    """The version's directory; raises `AssertionError` with what `pack` says, if it refuses."""
    assert cli.main(["pack", str(path), str(folder / "store"), "m@1.0.0", *told]) == 0
    return folder / "store" / "m" / "v1.0.0"


def ready(directory: Path, work: Path) -> tuple[formats.Loaded, Predictor]:
    loaded = formats.load(verify_version(directory), work)
    predictor = Predictor(
        loaded.prepare, loaded.predict, loaded.width, probabilities=loaded.probabilities
    )
    check("m 1.0.0", predictor, loaded.probes, 8)
    return loaded, predictor


def asked(kind: Kind) -> Any:
    """The rows as an array, of several inputs one with a field for each."""
    if len(kind.rows) == 1:
        return kind.rows[0]
    shapes = [() if rows.shape[1:] == (1,) else rows.shape[1:] for rows in kind.rows]
    dtypes = [rows.dtype for rows in kind.rows]
    fields = list(zip(names(kind), dtypes, shapes, strict=True))
    made = np.zeros(len(kind.rows[0]), fields)
    for name, rows in zip(names(kind), kind.rows, strict=True):
        made[name] = rows.reshape(made[name].shape)
    return made


def names(kind: Kind) -> list[str]:
    return [item.name for item in kind.model.inputs]


def own_answers(kind: Kind) -> Any:
    """What the library says, all outputs side by side."""
    given = [tensorflow.constant(rows.astype(object)) if rows.dtype.kind == "U" else rows
             for rows in kind.rows]  # fmt: skip
    by_name = isinstance(getattr(kind.model, "input", None), dict)
    before = keras.backend.floatx()
    if kind.rows[0].dtype == np.float64:
        keras.backend.set_floatx("float64")  # else `predict` cuts the rows to 32 bits
    try:
        listed = given if len(given) > 1 else given[0]
        rows = dict(zip(names(kind), given, strict=True)) if by_name else listed
        said = kind.model.predict(rows, verbose=0, batch_size=8)
    finally:
        keras.backend.set_floatx(before)
    parts = said.values() if isinstance(said, dict) else said if isinstance(said, list) else [said]
    return np.concatenate([part.reshape(len(kind.rows[0]), -1) for part in parts], axis=1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SERVED)
def test_served_as_keras_says(tmp_path: Path, name: str) -> None:
    kind = SERVED[name]()
    path, expected = saved(kind, tmp_path), own_answers(kind)
    loaded, predictor = ready(packed(path, tmp_path, *kind.told), tmp_path / "work")
    result = predictor(as_rows(asked(kind), loaded.inputs))
    assert not result.errors
    got = result.scores
    if got.shape[1] == 2 and expected.shape[1] == 1:
        got = got[:, 1:]
    size = max(1.0, float(np.abs(expected).max()))
    assert got == pytest.approx(expected, abs=2e-6 * size)
    assert loaded.engine == ("onnxruntime" if kind.compiled else "tensorflow"), loaded.note


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_way_out(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made, way_out = REFUSED[name]
    kind = made()
    path = saved(kind, tmp_path)
    try:
        directory = packed(path, tmp_path, *kind.told)
    except AssertionError:
        said = capsys.readouterr().err
    else:
        with pytest.raises(formats.UnsupportedModel) as refused:
            ready(directory, tmp_path / "work")
        said = str(refused.value)
    assert re.search(way_out, said.replace("\n", " ")), said


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["lookup and a number", "two outputs by name", "open shape"])
def test_answers_of_the_author(tmp_path: Path, name: str) -> None:
    kind = SERVED[name]()
    path, rows = saved(kind, tmp_path), asked(kind)
    probe, output = tmp_path / "rows.npy", tmp_path / "answers.npy"
    np.save(probe, rows)
    said = answers.write_answers(path, probe, output)
    assert said.reshape(len(rows), -1) == pytest.approx(own_answers(kind), abs=1e-6)
    told = ("--probe", str(probe), "--answers", str(output))
    loaded, _ = ready(packed(path, tmp_path, *kind.told, *told), tmp_path / "work")
    assert loaded.golden is not None


OLD = Path(__file__).parents[2] / "models" / "old_keras"


@pytest.mark.parametrize("version", ["2.13.1", "2.14.0"])
def test_archives_whose_weights_are_laid_out_otherwise(tmp_path: Path, version: str) -> None:
    told = json.loads((OLD / f"answers-{version}.json").read_text())
    rows = np.array(told["rows"], dtype=np.float32)
    loaded, predictor = ready(
        packed(OLD / f"{version}.keras", tmp_path, *keras_kinds.ABC), tmp_path / "work"
    )
    got = predictor(as_rows(rows, loaded.inputs)).scores
    assert got == pytest.approx(np.array(told["answers"]), abs=2e-6)


def test_an_archive_that_tf_keras_can_not_read_is_told_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As of 2.12, whose layout nobody has looked at."""
    path = tmp_path / "model.keras"
    with ZipFile(OLD / "2.13.1.keras") as old, ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"2.13.1", b"2.12.0"))
    store = str(tmp_path / "store")
    assert cli.main(["pack", str(path), store, "m@1.0.0", *keras_kinds.ABC]) != 0
    said = " ".join(capsys.readouterr().err.split())
    assert re.search(r"tf_keras \S+ can't open what Keras 2\.12\.0 has written: save it", said)
    assert "tf2onnx.convert.from_keras" in said
    assert "as HDF5: model.save('model.h5')" in said


def test_ways_out_are_ways_out(tmp_path: Path) -> None:
    """What refusals advise is served: a subclassed model's own export, and a SavedModel's ONNX."""
    kind = keras_kinds.subclassed()
    kind.model.export(tmp_path / "model.onnx", format="onnx", verbose=False)
    loaded, predictor = ready(packed(tmp_path / "model.onnx", tmp_path, *kind.told), tmp_path / "w")
    got = predictor(as_rows(kind.rows[0], loaded.inputs)).scores
    assert got == pytest.approx(own_answers(kind), abs=1e-6)


def test_folders_that_are_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "exported"
    keras_kinds.sequential().model.export(folder, verbose=False)
    arguments = ["pack", str(folder), str(tmp_path / "store"), "m@1.0.0", *keras_kinds.ABC]
    assert cli.main(arguments) != 0
    assert "python -m tf2onnx.convert --saved-model" in capsys.readouterr().err
    (folder / "saved_model.pb").unlink()
    assert cli.main(arguments) != 0
    assert "only MLflow's" in capsys.readouterr().err
