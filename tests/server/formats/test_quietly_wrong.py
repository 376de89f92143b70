"""Models that answered other than they do where they were trained, while every signal stayed green:
each is served as its own library says, or refused with what to do.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import catboost
import joblib
import msgspec
import numpy as np
import pandas
import pytest
import xgboost
from onnx import TensorProto, helper, numpy_helper

from tests.server.example_store import publish
from transit_models.integrity import verify_version
from transit_models.probe import as_rows
from transit_models.schema import TEXT
from transit_server import formats
from transit_server.api.decoding.rows import parsed
from transit_server.formats import Loaded
from transit_server.serving.one_model.predictor import Predictor
from transit_server.serving.starting.checking import check

RANDOM = np.random.default_rng(4)
ROWS = RANDOM.normal(size=(200, 4)).astype(np.float32)
KINDS = (ROWS[:, 0] + ROWS[:, 1] > 0.5).astype(int)
VALUES = np.round(np.exp(ROWS[:, 0]) * 3)
NO_YES = {"labels": ("no", "yes")}
VALUE = {"task": "regression", "output_schema": {}}
TENSORS = {"task": "tensors", "output_schema": {}}
TABLE = pandas.DataFrame(
    {
        "city": pandas.Categorical(RANDOM.choice(["Oslo", "Bergen", "Hamar"], 200)),
        "rooms": pandas.Categorical(RANDOM.integers(1, 5, 200).astype(np.int8)),
        "age": RANDOM.uniform(18, 80, 200),
    }
)
RICH = ((TABLE.age > 45) ^ (TABLE.rooms.astype(int) == 2)).astype(int)


@dataclass
class Case:
    """How a model is saved and published, what is asked, and what its library says to that."""

    ending: str
    save: Callable[[Path], object]
    asked: Any = None  # rows, or a table
    expected: Any = None
    more: dict[str, Any] = field(default_factory=dict)


def loaded(root: Path, case: Case) -> Loaded:
    directory = publish(root / "store", "model", "1.0.0", case.ending, case.save,
                        **{"features": 4, **case.more})  # fmt: skip
    return formats.load(verify_version(directory), root / "work")


def cat(loss: str, target: Any, more: dict[str, Any]) -> Case:
    model = catboost.CatBoostRegressor(
        iterations=5, loss_function=loss, verbose=0, allow_writing_files=False
    ).fit(ROWS, target)
    return Case(".cbm", lambda path: model.save_model(str(path)), ROWS, model.predict(ROWS), more)


def boosted_table(columns: list[str], early: bool) -> Case:
    rows = TABLE[columns]
    options: dict[str, Any] = {"n_estimators": 40, "learning_rate": 0.9, "random_state": 0}
    if early:
        options["early_stopping_rounds"] = 2
    model = xgboost.XGBClassifier(enable_categorical=True, **options)
    seen = [(rows[150:], 1 - RICH[150:])] if early else None  # so that it gets worse at once
    model.fit(rows[:150], RICH[:150], eval_set=seen, verbose=False)
    if early:
        assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    asked = rows[:40]
    more = {"features": len(columns), **NO_YES}
    return Case(".json", model.save_model, asked, model.predict_proba(asked), more)


def of_a_table(wrapped: Callable[[Any], Any]) -> Case:
    """A pipeline that asks for columns by name, inside of what does not."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rows = TABLE[["city", "age"]].astype({"city": object})
    columns = make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), ["age"]))
    model = wrapped(make_pipeline(columns, RidgeClassifier())).fit(rows, RICH)
    return Case(".pkl", lambda path: joblib.dump(model, path), rows[:40],
                model.predict_proba(rows[:40]), {"features": 2, "labels": ("0", "1")})  # fmt: skip


def with_dropped_columns() -> Case:
    """What is dropped inside a pipeline need not be sent."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rows = TABLE.astype({"city": object, "rooms": int})
    columns = make_column_transformer((OneHotEncoder(), ["rooms"]), remainder="drop")
    model = make_pipeline(columns, LogisticRegression()).fit(rows, RICH)
    return Case(".pkl", lambda path: joblib.dump(model, path), rows[["rooms"]][:40],
                model.predict_proba(rows[:40]), {"features": 1, "labels": ("0", "1")})  # fmt: skip


def with_gaps(gap: Any, encoder: Any) -> Case:
    """To an encoder None is one category, and NaN another."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rows = TABLE[["city", "rooms", "age"]].astype({"city": object, "rooms": int})
    rows.loc[::3, "city"] = gap
    if gap is None:
        rows["rooms"] = rows.rooms.astype(object)
        rows.loc[::4, "rooms"] = gap
    columns = make_column_transformer((encoder, ["city", "rooms"]), remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression()).fit(rows, RICH ^ rows.city.isna())
    return Case(".pkl", lambda path: joblib.dump(model, path), rows[:40],
                model.predict_proba(rows[:40]), {"features": 3, "labels": ("0", "1")})  # fmt: skip


def large_ids() -> Case:
    """Categories that are one and the same float."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rows = pandas.DataFrame({"id": 2**60 + np.arange(200) // 5, "age": TABLE.age})
    columns = make_column_transformer((OneHotEncoder(), ["id"]), remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression()).fit(rows, rows.id % 2)
    return Case(".pkl", lambda path: joblib.dump(model, path), rows[:40],
                model.predict_proba(rows[:40]), {"features": 2, "labels": ("0", "1")})  # fmt: skip


def selected() -> Case:
    """What a later step doesn't see is asked for by the one before it."""
    from sklearn.compose import make_column_transformer
    from sklearn.feature_selection import SelectKBest
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = pandas.DataFrame(ROWS, columns=["a", "b", "c", "d"])
    columns = make_column_transformer((StandardScaler(), ["a"]), remainder="passthrough")
    best = SelectKBest(k=2).set_output(transform="pandas")
    model = make_pipeline(best, columns, LogisticRegression()).fit(rows, KINDS)
    return Case(".pkl", lambda path: joblib.dump(model, path), rows[:40],
                model.predict_proba(rows[:40]), {"labels": ("0", "1")})  # fmt: skip


def calibrated(model: Any) -> Any:
    from sklearn.calibration import CalibratedClassifierCV

    return CalibratedClassifierCV(model, cv=2)


def encoder(name: str, **options: Any) -> Any:
    from sklearn import preprocessing

    options |= {"encoded_missing_value": -2} if name == "OrdinalEncoder" else {}
    return getattr(preprocessing, name)(**options)


def stacked(model: Any) -> Any:
    from sklearn.ensemble import StackingClassifier

    return StackingClassifier([("first", model)], cv=2)


SERVED: dict[str, Callable[[], Case]] = {
    "a loss whose answers are powers": lambda: cat("Poisson", VALUES, VALUE),
    "another": lambda: cat("Tweedie:variance_power=1.5", VALUES, VALUE),
    "two values": lambda: cat("MultiRMSE", np.stack((VALUES, -VALUES), 1), TENSORS),
    "a value and its variance": lambda: cat("RMSEWithUncertainty", VALUES, TENSORS),
    "numbers as categories": lambda: boosted_table(["rooms", "age"], False),
    "numbers as categories, stopped early": lambda: boosted_table(["rooms", "age"], True),
    "a table in a calibration": lambda: of_a_table(calibrated),
    "columns that are dropped": with_dropped_columns,
    "a table in a stack": lambda: of_a_table(stacked),
    "none as a category": lambda: with_gaps(
        None, encoder("OneHotEncoder", handle_unknown="ignore")
    ),
    "none as a number": lambda: with_gaps(None, encoder("OrdinalEncoder")),
    "nan as a category": lambda: with_gaps(np.nan, encoder("OneHotEncoder")),
    "ids that no float holds": large_ids,
    "columns that are selected first": selected,
    "texts as categories, stopped early": lambda: boosted_table(["city", "rooms", "age"], True),
}


@pytest.mark.parametrize("name", SERVED)
def test_served_as_its_library_says(tmp_path: Path, name: str) -> None:
    case = SERVED[name]()
    model = loaded(tmp_path, case)
    rows = case.asked
    if isinstance(rows, pandas.DataFrame):
        texts = [msgspec.Raw(msgspec.json.encode(row)) for row in rows.to_dict("records")]
        rows = np.concatenate([parsed(text, model.inputs, "features") for text in texts])
    expected = np.asarray(case.expected).reshape(len(rows), -1)
    assert len(np.unique(expected, axis=0)) > 1
    assert model.predict(rows) == pytest.approx(expected, abs=1e-5, rel=1e-6)


def test_a_number_that_is_no_category_is_an_error_as_it_is_to_the_library(tmp_path: Path) -> None:
    model = loaded(tmp_path, boosted_table(["rooms", "age"], False))
    row = parsed(msgspec.Raw(b'{"rooms": 9, "age": 30}'), model.inputs, "features")
    with pytest.raises(ValueError, match="9 is no category of rooms, which are 1, 2, 3, 4"):
        model.predict(row)


WEIGHTS = RANDOM.normal(size=(4, 3)).astype(np.float32)
CLASSES = {"labels": ("0", "1", "2")}
SOFTMAX = (
    helper.make_node("MatMul", ["seen", "weights"], ["scores"]),
    helper.make_node("Softmax", ["scores"], ["shares"]),
)
SHARES = ("shares", TensorProto.FLOAT, ["n", 3])


def graph(nodes: Any, *outputs: Any, more: dict[str, Any], **constants: Any) -> Case:
    """From `rows` to `outputs`."""
    proto = helper.make_model(
        helper.make_graph(
            list(nodes),
            "graph",
            [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 4])],
            [helper.make_tensor_value_info(*output) for output in outputs],
            [numpy_helper.from_array(np.asarray(value), name)
             for name, value in {"weights": WEIGHTS, **constants}.items()],
        ),
        opset_imports=[helper.make_opsetid("", 15)],
        ir_version=8,
    )  # fmt: skip
    return Case(".onnx", lambda path: path.write_bytes(proto.SerializeToString()), more=more)


def dropping() -> Case:
    """As PyTorch exports a network in training mode."""
    node = helper.make_node("Dropout", ["rows", "ratio", "training"], ["seen"])
    return graph((node, *SOFTMAX), SHARES, more=CLASSES, ratio=np.float32(0.5), training=True)


def centred() -> Case:
    """By the mean of whoever else is in the batch, as normalisation does in training mode."""
    nodes = (
        helper.make_node("ReduceMean", ["rows"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["rows", "mean"], ["seen"]),
    )
    return graph((*nodes, *SOFTMAX), SHARES, more=CLASSES)


def one_logit() -> Case:
    """Between 0 and 1 for the rows that it is warmed up with, and only for those."""
    node = helper.make_node("MatMul", ["rows", "one"], ["logit"])
    column = np.full((4, 1), 0.2, dtype=np.float32)
    return graph([node], ("logit", TensorProto.FLOAT, ["n", 1]), more=NO_YES, one=column)


def computed_labels(more: dict[str, Any]) -> Case:
    """Whose numbers go the other way than the columns."""
    nodes = (
        helper.make_node("Identity", ["rows"], ["seen"]),
        *SOFTMAX,
        helper.make_node("ArgMax", ["shares"], ["place"], axis=1, keepdims=0),
        helper.make_node("Sub", ["last", "place"], ["label"]),
    )
    return graph(nodes, ("label", TensorProto.INT64, ["n"]), SHARES, more=more, last=np.int64(2))


def of_sklearn(model: Any, target: Any, rows: Any = ROWS, **more: Any) -> Case:
    model.fit(rows, target)
    return Case(".pkl", lambda path: joblib.dump(model, path), more=more)


def with_threshold() -> Case:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import FixedThresholdClassifier

    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.9)
    return of_sklearn(model, np.array(["no", "yes"])[KINDS], **NO_YES)


def cat_with_threshold() -> Case:
    model = catboost.CatBoostClassifier(iterations=5, verbose=0, allow_writing_files=False)
    model.fit(ROWS, KINDS).set_probability_threshold(0.9)
    return Case(".cbm", lambda path: model.save_model(str(path)), more={"labels": ("0", "1")})


def several_labels(task: str) -> Case:
    from sklearn.neural_network import MLPClassifier

    kinds = np.stack((KINDS, 1 - KINDS, ROWS[:, 2] > 0), axis=1).astype(int)
    return of_sklearn(MLPClassifier((4,), max_iter=5), kinds, task=task, **CLASSES)


def two_values() -> Case:
    from sklearn.kernel_ridge import KernelRidge

    return of_sklearn(KernelRidge(), np.stack((VALUES, -VALUES), axis=1), **VALUE)


def boosted_labels() -> Case:
    kinds = np.stack((KINDS, ROWS[:, 2] > 0), axis=1).astype(int)
    model = xgboost.XGBClassifier(n_estimators=4).fit(ROWS, kinds)
    return Case(".json", model.save_model, more=NO_YES)


def dictionaries() -> Case:
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rows = [{"a": float(row[0]), "b": float(row[1])} for row in ROWS]
    model = make_pipeline(DictVectorizer(), LogisticRegression())
    return of_sklearn(model, KINDS, rows, features=2, labels=("0", "1"))


def components() -> Case:
    """As many as a mixture has, and none of them is a cluster."""
    from sklearn.cross_decomposition import PLSRegression

    return of_sklearn(PLSRegression(2), VALUES, task="cluster", output_schema={})


def of_clusters() -> Case:
    """Whose first step knows clusters, and whose answer is none."""
    from sklearn.cluster import KMeans
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    model = make_pipeline(KMeans(4, n_init=1, random_state=0), SVC())
    return of_sklearn(model, KINDS, task="cluster", output_schema={})


REFUSED: dict[str, tuple[Callable[[], Case], str]] = {
    "components as clusters": (components, "does not say how many clusters"),
    "classes as clusters": (of_clusters, "does not say how many clusters"),
    "dropout in training mode": (dropping, "asked twice, .* model.eval"),
    "normalised by the batch": (centred, "one by one, it answers every row alike"),
    "a logit for a probability": (one_logit, "for rows -30 times its probes .* --task tensors"),
    "labels by other numbers": (lambda: computed_labels(CLASSES), "give output_schema.model_class"),
    "classes as flags of outliers": (
        lambda: computed_labels({"task": "outlier", "labels": ("inlier", "outlier")}),
        "no outliers .* --task label",
    ),
    "a threshold of its own": (with_threshold, r"of its own \(0.9\).* --task label"),
    "a threshold in CatBoost": (cat_with_threshold, r"of its own \(0.9\).* --task label"),
    "several labels as one": (lambda: several_labels("label"), "multi-label.* --task tensors"),
    "several labels as shares": (
        lambda: several_labels("classification"), "multi-label.* --task tensors"
    ),
    "two values as one": (two_values, "and this 2: .* --task tensors"),
    "labels of XGBoost, each on its own": (boosted_labels, "2 values a row.* --task tensors"),
    "dictionaries": (dictionaries, "with a ColumnTransformer"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_with_the_way_out(tmp_path: Path, make: Callable[[], Case], words: str) -> None:
    with pytest.raises(formats.UnsupportedModel, match=words):
        loaded(tmp_path, make())


def test_onnx_that_knows_its_categories_only_is_told_to_bring_probes(tmp_path: Path) -> None:
    """Made-up texts are none of them. With rows of its own it is served, as its author says."""
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table = TABLE[["city", "age"]].astype({"city": object, "age": np.float32})
    columns = make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), ["age"]))
    model = make_pipeline(columns, LogisticRegression()).fit(table, RICH)
    kinds = [("city", StringTensorType([None, 1])), ("age", FloatTensorType([None, 1]))]
    proto = skl2onnx.to_onnx(model, initial_types=kinds, options={"zipmap": False})
    rows = table.to_records(index=False, column_dtypes={"city": "U8"}).view(np.ndarray)
    inputs = [{"name": "city", "dtype": TEXT}, {"name": "age", "dtype": "float32"}]
    more: dict[str, Any] = {"features": 2, "labels": ("0", "1"), "inputs": inputs}

    def save(path: Path) -> object:
        return path.write_bytes(proto.SerializeToString())

    found = loaded(tmp_path, Case(".onnx", save, more=more))
    with pytest.raises(formats.UnsupportedModel, match=r"probes are made up.*--probe rows\.npy"):
        check("m", Predictor(found.prepare, found.predict, found.width), found.probes, 8,
              made_up=True)  # fmt: skip
    found = loaded(tmp_path / "own", Case(".onnx", save, more={**more, "probe": rows}))
    check("m", Predictor(found.prepare, found.predict, found.width), found.probes, 8)
    got = found.predict(as_rows(rows, found.inputs))
    assert got == pytest.approx(model.predict_proba(table), abs=1e-5)
