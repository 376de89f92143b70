"""Files that can't be served say in one sentence why, and what to do: no library's own error."""

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import onnxruntime
import pytest
import skops.io
from onnx import TensorProto, helper
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from tests.server.example_store import publish
from transit_models import verify_version
from transit_models.errors import NotAModel
from transit_models.file_formats import FileFormat
from transit_server import formats
from transit_server.formats.allowed import refuse_forbidden
from transit_server.formats.estimators.pickles import opened
from transit_server.formats.estimators.sound_trees import unsound

ROWS = np.random.default_rng(0).normal(size=(80, 4))
YES = (ROWS[:, 0] > 0).astype(int)
RUNTIME = f"ONNX Runtime {onnxruntime.__version__}"


def network(operator: str = "Softmax", domain: str = "", opset: int = 17, ir: int = 8) -> bytes:
    shape = [None, 4]
    node = helper.make_node(operator, ["x"], ["y"], domain=domain)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    opsets = [helper.make_opsetid("", opset)]
    if domain:
        opsets.append(helper.make_opsetid(domain, 1))
    made: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=ir)
    return bytes(made.SerializeToString())


def boosted() -> bytes:
    import xgboost

    return bytes(xgboost.XGBClassifier(n_estimators=3).fit(ROWS, YES).get_booster().save_raw("ubj"))


def catboost(path: Path) -> None:
    import catboost

    model = catboost.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False)
    model.fit(ROWS, YES).save_model(str(path))
    path.write_bytes(path.read_bytes()[:-99])


def content(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


REFUSED: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a newer opset": (".onnx", content(network(opset=99)), "is written in opset 99 of ai.onnx"),
    "a newer IR": (".onnx", content(network(ir=99)), "is of ONNX's IR version 99, and"),
    "no such operator": (
        ".onnx",
        content(network("Invented")),
        f"needs the operator Invented, which {RUNTIME} does not have in opset 17",
    ),
    "somebody's operator": (
        ".onnx",
        content(network("Invented", "my.ops")),
        "needs the operator Invented of my.ops, which",
    ),
    "a type without an operator": (
        ".onnx",
        content(network().replace(b"\x08\x01\x12", b"\x08\x03\x12")),
        "Type 'tensor(int8)' of input parameter",
    ),
    "half of ONNX": (".onnx", content(network()[:-20]), "is cut off, or no ONNX model"),
    "half of XGBoost's": (".ubj", content(boosted()[:-99]), "model.ubj can't be read: "),
    "half of CatBoost's": (".cbm", catboost, "model.cbm can't be opened as a CatBoost model: "),
    "a page": (".pkl", content(b"<html></html>"), "is an HTML page, not a pickle"),
}


@pytest.mark.parametrize(("ending", "save", "words"), REFUSED.values(), ids=REFUSED)
def test_at_load(tmp_path: Path, ending: str, save: Callable[[Path], object], words: str) -> None:
    directory = publish(tmp_path, "m", "1.0.0", ending, save, features=4,
                        labels=("a", "b", "c", "d"))  # fmt: skip
    with pytest.raises((formats.UnsupportedModel, NotAModel)) as refused:
        formats.load(verify_version(directory), tmp_path / "work")
    said = str(refused.value)
    assert words in said
    assert "/onnxruntime_src/" not in said
    assert "Stack trace" not in said
    assert "\n" not in said


class OfAScript:
    """Pickled as if the script that trained it had defined it."""


class OfAnotherVersion:
    def __setstate__(self, state: dict[str, Any]) -> None:
        raise KeyError("n_features_")


def of_a_script() -> bytes:
    return pickle.dumps(OfAScript()).replace(
        struct.pack("<B", len(__name__)) + __name__.encode(), b"\x08__main__"
    )


def half(model: Any) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        joblib.dump(model, path)
        path.write_bytes(path.read_bytes()[:-200])

    return save


class WithState(OfAnotherVersion):
    def __init__(self) -> None:
        self.kept = 1


FOREST = RandomForestClassifier(5, random_state=0).fit(ROWS, YES)
PICKLES: dict[str, tuple[Callable[[Path], object], str]] = {
    "half": (half(FOREST), "is cut off: "),
    "half, compressed": (
        lambda path: path.write_bytes(_compressed(path)[:-500]),
        "is cut off: ",
    ),
    "half of a plain one": (content(pickle.dumps(FOREST)[:-500]), "is cut off: "),
    "a package": (content(b"cprophet\nProphet\n."), "needs what is not here: No module named 'pr"),
    "a name": (content(b"csklearn.svm\nNuSVD\n."), "needs what is not here: "),
    "a script": (content(of_a_script()), "needs 'OfAScript', a class or function of the script"),
    "another version": (lambda path: joblib.dump(WithState(), path), "can't be opened: KeyError"),
    "no pickle": (content(bytes(range(200, 255))), "model.pkl can't be opened: "),
}


def _compressed(path: Path) -> bytes:
    joblib.dump(FOREST, path, compress=("xz", 3))
    return path.read_bytes()


@pytest.mark.parametrize(("save", "words"), PICKLES.values(), ids=PICKLES)
def test_pickles(tmp_path: Path, save: Callable[[Path], object], words: str) -> None:
    path = tmp_path / "model.pkl"
    save(path)
    with pytest.raises((formats.UnsupportedModel, NotAModel)) as refused:
        opened(path)
    assert words in str(refused.value)
    assert any(way in str(refused.value) for way in ("Copy it again", "Save it again", "image of"))


def test_types_that_skops_does_not_know_are_named(tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(sorted), LogisticRegression())
    model.steps[0][1].func = print  # what nobody should have to call
    model.steps[1][1].fit(ROWS, YES)
    directory = publish(tmp_path, "m", "1.0.0", ".skops", lambda path: skops.io.dump(model, path),
                        features=4, labels=("no", "yes"))  # fmt: skip
    with pytest.raises(formats.UnsupportedModel) as refused:
        formats.load(verify_version(directory), tmp_path / "work")
    assert "holds what is not known to be data alone: builtins.print" in str(refused.value)
    assert "save it as ONNX" in str(refused.value)


def test_trees_of_a_file_that_was_made_to_mislead(tmp_path: Path) -> None:
    """A node that points out of its tree; a feature that no row has; a tree within a tree's."""
    assert unsound(FOREST) is None
    path = tmp_path / "model.skops"
    for change in (_point_out, _split_on_nothing):
        skops.io.dump(FOREST, path)
        model = skops.io.load(path, trusted=["sklearn.tree._tree.Tree"])
        change(model.estimators_[3].tree_)
        assert unsound({"kept": [model]}) is not None
    narrow = RandomForestClassifier(2, random_state=0).fit(ROWS[:, :1], YES)
    wide = RandomForestClassifier(2, random_state=0).fit(ROWS, ROWS[:, 3] > 0)
    narrow.estimators_[1] = wide.estimators_[0]
    assert unsound(narrow) == "a tree splits on a feature that is none"
    boosting = HistGradientBoostingClassifier(max_iter=2).fit(ROWS, YES)
    assert unsound(boosting) is None
    boosting._predictors[1][0].nodes["left"][0] = 999
    assert unsound(boosting) == "a node of a tree points to none"


def _point_out(tree: Any) -> None:
    tree.children_left[0] = 10_000


def _split_on_nothing(tree: Any) -> None:
    tree.feature[0] = 4


FORBIDDEN: dict[str, tuple[str, bool, tuple[FileFormat, ...], str]] = {
    "a pickle": (
        ".pkl", False, ("onnx", "skops"),
        "model.pkl is a pickle, which runs code when it is opened, and the formats that may be "
        "opened here are onnx, skops (TRANSIT_FORMATS, config.formats of the operator): save the "
        "model with skops.io.dump(model, 'model.skops'), or as ONNX, and publish that; or ask",
    ),
    "preprocessing": (
        ".onnx", True, ("onnx", "skops"),
        "preprocessing.pkl is a pickle, which runs code when it is opened, and the formats that "
        "may be opened here are onnx, skops (TRANSIT_FORMATS, config.formats of the operator): "
        "save the model with its preprocessing, as one pipeline, with skops.io.dump",
    ),
    "another": (".onnx", False, ("xgboost",), "model.onnx is an ONNX model, and the formats"),
    "nothing else": (".pkl", False, ("xgboost",), "with XGBoost's save_model"),
}  # fmt: skip


@pytest.mark.parametrize(("ending", "step", "allowed", "words"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_formats_that_are_forbidden(
    tmp_path: Path, ending: str, step: bool, allowed: tuple[FileFormat, ...], words: str
) -> None:
    directory = publish(tmp_path, "m", "1.0.0", ending, content(b"never opened"),
                        preprocessing=FunctionTransformer() if step else None)  # fmt: skip
    version = verify_version(directory)
    with pytest.raises(formats.UnsupportedModel) as refused:
        refuse_forbidden(version, allowed)
    assert words in str(refused.value)
    refuse_forbidden(version, None)
    refuse_forbidden(version, ("onnx", "pickle"))
