"""What is served is what was trained: models as people save them, through the real server, held
against what their own libraries say of the same rows. Each was once answered wrongly, or not at
all.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas
import pytest
from numpy.typing import NDArray

from tests.server.example_store import publish
from tests.server.running import RunningServer, eventually

GUIDE = ("CONFIRMED", "CANDIDATE", "FALSE_POSITIVE")
ROWS = np.random.default_rng(0).normal(size=(300, 4))
KINDS = (ROWS[:, 0] > 0.4).astype(int) + (ROWS[:, 1] > 0.2)


@dataclass
class Case:
    """A model, how it is published, what is asked, and what its library says to that."""

    ending: str
    save: Callable[[Path], object]
    features: Any  # rows for the guide's API
    expected: Any  # (n, labels) in the order of the labels, or (n,) numbers, or classes
    more: dict[str, Any] = field(default_factory=dict)


def dumped(model: Any) -> Callable[[Path], object]:
    return lambda path: joblib.dump(model, path)


def written(proto: Any) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(proto.SerializeToString())


def in_order(probabilities: Any, classes: Any, labels: Any) -> Any:
    return probabilities[:, [list(classes).index(label) for label in labels]]


def zipmap() -> Case:
    import skl2onnx
    from sklearn.linear_model import LogisticRegression

    names = np.array([GUIDE[kind] for kind in KINDS])
    model = LogisticRegression().fit(ROWS, names)
    proto = skl2onnx.to_onnx(model, ROWS[:1].astype(np.float32))
    rows = ROWS[:40].astype(np.float32)
    said = in_order(model.predict_proba(rows), model.classes_, GUIDE)
    return Case(".onnx", written(proto), rows.tolist(), said, {"labels": GUIDE})


def label_output() -> Case:
    import skl2onnx
    from sklearn.neural_network import MLPClassifier

    names = np.array([GUIDE[kind] for kind in KINDS])
    model = MLPClassifier((8,), random_state=0, max_iter=300).fit(ROWS, names)
    proto = skl2onnx.to_onnx(model, ROWS[:1].astype(np.float32), options={"zipmap": False})
    rows = ROWS[:40].astype(np.float32)
    said = in_order(model.predict_proba(rows), model.classes_, GUIDE)
    more = {"labels": GUIDE, "probe": ROWS[:100]}
    return Case(".onnx", written(proto), rows.tolist(), said, more)


def spelled(classes: tuple[Any, Any], labels: tuple[str, str], order: list[int]) -> Case:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(ROWS, np.array(classes)[(ROWS[:, 0] > 0).astype(int)])
    said = model.predict_proba(ROWS[:40])[:, order]
    return Case(".pkl", dumped(model), ROWS[:40].tolist(), said, {"labels": labels})


def unix_time() -> Case:
    from sklearn.ensemble import HistGradientBoostingClassifier

    times = 1.7e9 + np.random.default_rng(1).uniform(0, 86400, (4000, 1))
    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=63)
    model.fit(times, (times[:, 0] // 1800 % 2).astype(int))
    more = {
        "features": 1,
        "labels": ("no", "yes"),
        "input_schema": {"features": 1, "dtype": "float64"},
    }
    said = model.predict_proba(times[:60])
    return Case(".pkl", dumped(model), times[:60].tolist(), said, more)


def prices() -> Case:
    from sklearn.linear_model import LogisticRegression

    rows = np.random.default_rng(2).uniform(1e6, 2e6, (400, 2))
    model = LogisticRegression(max_iter=5000).fit(rows, (rows[:, 0] > rows[:, 1]).astype(int))
    more = {
        "features": 2,
        "labels": ("no", "yes"),
        "input_schema": {"features": 2, "dtype": "float64"},
    }
    said = model.predict_proba(rows[:60])
    return Case(".pkl", dumped(model), rows[:60].tolist(), said, more)


def stopped_early(booster: str, objective: str) -> Case:
    import xgboost

    random = np.random.default_rng(3)
    rows = random.normal(size=(300, 4)).astype(np.float32)
    values = random.normal(size=300) + rows[:, 0]
    regression = objective.startswith("reg:")
    target = values if regression else (values > 0).astype(int)
    kind = xgboost.XGBRegressor if regression else xgboost.XGBClassifier
    model = kind(
        n_estimators=60, early_stopping_rounds=10, booster=booster, objective=objective,
        learning_rate=0.5, random_state=0,
    )  # fmt: skip
    model.fit(rows[:200], target[:200], eval_set=[(rows[200:], target[200:])], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    asked = rows[:40]
    if regression:
        more: dict[str, Any] = {"task": "regression", "output_schema": {}}
        return Case(".json", model.save_model, asked.tolist(), model.predict(asked), more)
    return Case(".ubj", model.save_model, asked.tolist(), model.predict_proba(asked),
                {"labels": ("no", "yes")})  # fmt: skip


def softmax() -> Case:
    import xgboost

    rows = ROWS.astype(np.float32)
    parameters = {"num_class": 3, "max_depth": 3, "seed": 0}
    model = xgboost.train(
        {**parameters, "objective": "multi:softmax"}, xgboost.DMatrix(rows, KINDS), 10
    )
    same = xgboost.train(
        {**parameters, "objective": "multi:softprob"}, xgboost.DMatrix(rows, KINDS), 10
    )
    said = same.predict(xgboost.DMatrix(rows[:40]))
    return Case(".json", model.save_model, rows[:40].tolist(), said, {"labels": GUIDE})


def missing_values() -> Case:
    import xgboost

    rows = ROWS.astype(np.float32)
    rows[::3, 1] = np.nan
    model = xgboost.XGBClassifier(n_estimators=10).fit(rows, (ROWS[:, 0] > 0).astype(int))
    asked = [[None if np.isnan(x) else float(x) for x in row] for row in rows[:40]]
    more = {
        "labels": ("no", "yes"),
        "input_schema": {"features": 4, "dtype": "float32", "missing": True},
    }
    return Case(".json", model.save_model, asked, model.predict_proba(rows[:40]), more)


def people() -> pandas.DataFrame:
    random = np.random.default_rng(5)
    return pandas.DataFrame(
        {
            "age": random.integers(18, 80, 300).astype(float),
            "city": random.choice(["Oslo", "Bergen", "Tromsø"], 300),
            "income": random.normal(50_000, 9_000, 300),
            "note": random.choice(["good customer", "late payer", "new here"], 300),
        }
    )


def pipeline() -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["income", "age"]),
            ("city", OneHotEncoder(handle_unknown="ignore"), ["city"]),
            ("note", TfidfVectorizer(), "note"),
        ]
    )
    frame = people()
    target = np.where((frame.age > 45) ^ (frame.city == "Oslo"), "stays", "leaves")
    return make_pipeline(columns, LogisticRegression()).fit(frame, target)


def table() -> Case:
    model = pipeline()
    asked = people().iloc[:40]
    rows = [dict(reversed(row.items())) for row in asked.to_dict("records")]
    said = in_order(model.predict_proba(asked), model.classes_, ("stays", "leaves"))
    more = {"features": 4, "labels": ("stays", "leaves")}
    return Case(".pkl", dumped(model), rows, said, more)


def named_numbers() -> Case:
    from sklearn.linear_model import LinearRegression

    frame = people()[["income", "age"]]
    model = LinearRegression().fit(frame, frame.age * 2 + frame.income)
    rows = [{"age": row.age, "income": row.income} for row in frame.iloc[:40].itertuples()]
    more = {
        "task": "regression",
        "output_schema": {},
        "inputs": [{"name": "age", "dtype": "float64"}, {"name": "income", "dtype": "float64"}],
        "features": 2,
    }
    return Case(".pkl", dumped(model), rows, model.predict(frame.iloc[:40]), more)


def texts() -> Case:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    frame = people()
    model = make_pipeline(TfidfVectorizer(), MultinomialNB()).fit(frame.note, frame.city)
    asked = frame.note.iloc[:20].tolist()
    more = {"features": 1, "labels": tuple(model.classes_)}
    return Case(".joblib", dumped(model), [[t] for t in asked], model.predict_proba(asked), more)


def plain_classes() -> Case:
    from sklearn.svm import SVC

    model = SVC().fit(ROWS, np.array(["low", "mid", "top"])[KINDS])
    more = {"task": "label", "labels": ("top", "low", "mid")}
    return Case(".sav", dumped(model), ROWS[:40].tolist(), model.predict(ROWS[:40]), more)


def clusters() -> Case:
    from sklearn.cluster import KMeans

    model = KMeans(5, random_state=0, n_init=1).fit(ROWS)
    said = [str(cluster) for cluster in model.predict(ROWS[:40])]
    more = {"task": "cluster", "output_schema": {}}
    return Case(".pickle", dumped(model), ROWS[:40].tolist(), np.array(said), more)


def outliers() -> Case:
    from sklearn.ensemble import IsolationForest

    model = IsolationForest(n_estimators=20, random_state=0).fit(ROWS)
    said = np.where(model.predict(ROWS[:40]) > 0, "inlier", "outlier")
    more = {"task": "outlier", "output_schema": {}}
    return Case(".pkl", dumped(model), ROWS[:40].tolist(), said, more)


def lightgbm_native() -> Case:
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=15, verbose=-1).fit(ROWS, KINDS)
    return Case(".txt", model.booster_.save_model, ROWS[:40].tolist(),
                model.predict_proba(ROWS[:40]), {"labels": GUIDE})  # fmt: skip


def lightgbm_categories() -> Case:
    import lightgbm

    frame = people()[["city", "age"]].astype({"city": "category"})
    model = lightgbm.LGBMClassifier(n_estimators=10, verbose=-1)
    model.fit(frame, people().income > 50_000)
    rows = people()[["age", "city"]].iloc[:40].to_dict("records")
    return Case(".txt", model.booster_.save_model, rows, model.predict_proba(frame.iloc[:40]),
                {"labels": ("no", "yes"), "features": 2})  # fmt: skip


def lightgbm_numbered() -> Case:
    """Numbers that pandas had as categories: the model knows each by its place among them."""
    import lightgbm

    random = np.random.default_rng(4)
    frame = pandas.DataFrame({"level": random.integers(1, 5, 300) * 10, "age": ROWS[:, 0]})
    model = lightgbm.LGBMClassifier(n_estimators=10, min_child_samples=5, verbose=-1)
    model.fit(frame.astype({"level": "category"}), (frame.level % 20 == 0) ^ (ROWS[:, 0] > 1))
    asked = frame.iloc[:40]
    rows = asked[["age", "level"]].to_dict("records")
    said = model.predict_proba(asked.astype({"level": "category"}))
    return Case(".txt", model.booster_.save_model, rows, said,
                {"labels": ("no", "yes"), "features": 2})  # fmt: skip


def catboost_native() -> Case:
    import catboost

    frame = people()[["city", "age"]]
    model = catboost.CatBoostClassifier(iterations=10, verbose=0, allow_writing_files=False)
    model.fit(frame, np.where(people().income > 50_000, "rich", "poor"), cat_features=["city"])
    rows = people()[["age", "city"]].iloc[:40].to_dict("records")
    said = in_order(model.predict_proba(frame.iloc[:40]), model.classes_, ("rich", "poor"))
    return Case(".cbm", model.save_model, rows, said,
                {"labels": ("rich", "poor"), "features": 2})  # fmt: skip


def open_dimensions() -> Case:
    from tensorflow import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Input((None, None, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    rows = np.random.default_rng(0).normal(size=(20, 48)).astype(np.float32)
    said = model.predict(rows.reshape(-1, 6, 8, 1), verbose=0)
    more = {
        "labels": GUIDE,
        "input_schema": {"features": 48, "dtype": "float32", "shape": [1, 6, 8, 1]},
    }
    return Case(".keras", model.save, rows.tolist(), said, more)


CASES: dict[str, Callable[[], Case]] = {
    "zipmap": zipmap,
    "label-output": label_output,
    "case-differs": lambda: spelled(("clean", "fraud"), ("Fraud", "Clean"), [1, 0]),
    "bools": lambda: spelled((False, True), ("true", "false"), [1, 0]),
    "yes-no": lambda: spelled(("no", "yes"), ("Yes", "No"), [1, 0]),
    "unix-time": unix_time,
    "prices": prices,
    "stopped-early": lambda: stopped_early("gbtree", "binary:logistic"),
    "stopped-early-dart": lambda: stopped_early("dart", "binary:logistic"),
    "stopped-early-regression": lambda: stopped_early("gbtree", "reg:squarederror"),
    "softmax": softmax,
    "missing-values": missing_values,
    "table": table,
    "named-numbers": named_numbers,
    "texts": texts,
    "plain-classes": plain_classes,
    "clusters": clusters,
    "outliers": outliers,
    "lightgbm": lightgbm_native,
    "lightgbm-categories": lightgbm_categories,
    "lightgbm-categories-of-numbers": lightgbm_numbered,
    "catboost": catboost_native,
    "open-dimensions": open_dimensions,
}


@dataclass
class Served:
    servers: list[RunningServer]
    cases: dict[str, Case]

    def ask(self, name: str, path: str, body: Any) -> Any:
        place = list(self.cases).index(name) // 8
        return self.servers[place].client.post(path, json=body)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("as-trained")
    cases = {name: make() for name, make in CASES.items()}
    for name, case in cases.items():
        publish(root / "store", name, "1.0.0", case.ending, case.save,
                **{"features": 4, **case.more})  # fmt: skip
    servers: list[RunningServer] = []
    names = list(cases)
    try:
        for start in range(0, len(names), 8):
            models = dict.fromkeys(names[start : start + 8], "1.0.0")
            work = root / f"server-{start}"
            work.mkdir()
            server = RunningServer(root / "store", work, models)
            server.__enter__()
            servers.append(server)
            server.until_ready()  # one after the other: each compiles in processes of its own
        yield Served(servers, cases)
    finally:
        for server in servers:
            server.__exit__()


def answered(case: Case, predictions: list[dict[str, Any]]) -> NDArray[Any]:
    if "value" in predictions[0]:
        return np.array([item["value"] for item in predictions])
    if "probabilities" in predictions[0]:
        return np.array([list(item["probabilities"].values()) for item in predictions])
    return np.array([item["class"] for item in predictions])


@pytest.mark.parametrize("name", CASES)
def test_answers_are_the_models_own(served: Served, name: str) -> None:
    case = served.cases[name]
    body = {"features": case.features, "model": name}
    answer = served.ask(name, "/api/v1/predict/batch", body)
    assert answer.status_code == 200, answer.text
    got = answered(case, answer.json()["predictions"])
    one = served.ask(name, "/api/v1/predict", {"features": case.features[0], "model": name})
    assert one.status_code == 200, one.text
    if got.dtype.kind == "U":
        assert got.tolist() == list(case.expected)
        assert len(set(got.tolist())) > 1
        return
    assert got == pytest.approx(case.expected, abs=1e-5, rel=1e-6)
    alone = answered(case, [one.json()["prediction"]])
    assert alone == pytest.approx(case.expected[:1], abs=1e-5, rel=1e-6)


def info(served: Served, name: str) -> Any:
    place = list(served.cases).index(name) // 8
    return served.servers[place].client.get(f"/api/v1/models/{name}/info").json()


def test_what_is_known_is_told(served: Served) -> None:
    assert "rounds: best_iteration is" in info(served, "stopped-early")["engine_note"]
    assert "unchecked" in info(served, "prices")["engine_note"]
    assert [item["name"] for item in info(served, "table")["inputs"]] == [
        "age", "city", "income", "note",
    ]  # fmt: skip


TABLE = {"age": 41, "city": "Oslo", "income": 50_000, "note": "new here"}
WRONG_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown name": ({**TABLE, "size": 1}, "features.size"),
    "a name less": ({k: v for k, v in TABLE.items() if k != "age"}, "features.age"),
    "a text for a number": ({**TABLE, "age": "41"}, "features.age"),
    "a number for a text": ({**TABLE, "city": 3}, "features.city"),
    "null where nothing may be missing": ({**TABLE, "city": None}, "features.city"),
}


@pytest.mark.parametrize(("row", "place"), WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_what_is_no_row_of_the_table(served: Served, row: dict[str, Any], place: str) -> None:
    answer = served.ask("table", "/api/v1/predict", {"features": row, "model": "table"})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, place)


def test_what_an_imputer_fills_may_be_missing(served: Served) -> None:
    row = {**TABLE, "age": None}
    answer = served.ask("table", "/api/v1/predict", {"features": row, "model": "table"})
    said = pipeline().predict_proba(pandas.DataFrame([{**TABLE, "age": np.nan}]))[0]
    got = answer.json()["prediction"]["probabilities"]
    assert [got["leaves"], got["stays"]] == pytest.approx(said.tolist())


def test_v2_takes_one_input_for_each_column(served: Served) -> None:
    asked = people().iloc[:5]
    inputs = [
        {
            "name": name,
            "datatype": "BYTES" if asked[name].dtype.kind not in "fi" else "FP64",
            "shape": [5, 1],
            "data": asked[name].tolist(),
        }
        for name in ("note", "city", "age", "income")
    ]
    answer = served.ask("table", "/v2/models/table/infer", {"inputs": inputs}).json()
    outputs = {item["name"]: item for item in answer["outputs"]}
    assert outputs["class"]["data"] == pipeline().predict(asked).tolist()


def test_v2_needs_no_name_for_one_input_and_keeps_64_bits(served: Served) -> None:
    case = served.cases["unix-time"]
    tensor = {"name": "input-0", "datatype": "FP64", "shape": [60, 1], "data": case.features}
    answer = served.ask("unix-time", "/v2/models/unix-time/infer", {"inputs": [tensor]}).json()
    output = answer["outputs"][0]
    assert output["datatype"] == "FP64"
    assert np.reshape(output["data"], (60, 2)) == pytest.approx(case.expected)


def test_the_document_shows_a_row_that_can_be_sent(tmp_path: Path) -> None:
    case = table()
    publish(tmp_path / "store", "table", "1.0.0", case.ending, case.save, **case.more)
    with RunningServer(tmp_path / "store", tmp_path, {"table": "1.0.0"}) as server:
        client = server.until_ready().client
        paths = client.get("/openapi.json").json()["paths"]
        for path in ("/api/v1/predict", "/api/v1/predict/batch", "/v2/models/{name}/infer"):
            content = paths[path]["post"]["requestBody"]["content"]["application/json"]
            answer = client.post(path.format(name="table"), json=content["example"])
            assert answer.status_code == 200, answer.text


def refused(root: Path, case: Case) -> str:
    """What the server says when it ends for such a model."""
    publish(root / "store", "model", "1.0.0", case.ending, case.save,
            **{"features": 4, **case.more})  # fmt: skip
    with RunningServer(root / "store", root, {"model": "1.0.0"}) as server:
        eventually(lambda: server.process.poll() is not None, "the server's end")
        return server.termination_log.read_text()


def sigmoids() -> Case:
    from tensorflow import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((4,)), keras.layers.Dense(2, activation="sigmoid")]
    return Case(".keras", keras.Sequential(layers).save, [], [], {"labels": ("a", "b")})


def other_names() -> Case:
    case = spelled(("clean", "fraud"), ("good", "bad"), [0, 1])
    return case


def shifted() -> Case:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(ROWS, KINDS + 1)
    return Case(".pkl", dumped(model), [], [], {"labels": GUIDE})


def ranked() -> Case:
    import xgboost

    matrix = xgboost.DMatrix(ROWS.astype(np.float32), ROWS[:, 0])
    model = xgboost.train({"objective": "reg:squarederror"}, matrix, 3)
    return Case(".json", model.save_model, [], [], {"labels": ("no", "yes")})


def no_gaps() -> Case:
    case = spelled(("no", "yes"), ("no", "yes"), [0, 1])
    case.more["input_schema"] = {"features": 4, "dtype": "float64", "missing": True}
    return case


def one_against_the_rest() -> Case:
    """As scikit-learn 1.3 wrote it."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(ROWS, np.array(GUIDE)[KINDS])
    model.multi_class = "ovr"
    return Case(".pkl", dumped(model), [], [], {"labels": GUIDE})


def raw_margins() -> Case:
    import xgboost

    matrix = xgboost.DMatrix(ROWS.astype(np.float32), (ROWS[:, 0] > 0).astype(int))
    model = xgboost.train({"objective": "binary:logitraw"}, matrix, 3)
    return Case(".json", model.save_model, [], [], {"labels": ("no", "yes")})


def a_dict() -> Case:
    return Case(".pkl", dumped({"model": 1, "scaler": 2}), [], [], {"labels": ("no", "yes")})


def other_answers() -> Case:
    case = spelled(("no", "yes"), ("no", "yes"), [0, 1])
    case.more |= {"probe": ROWS[:40], "answers": case.expected[:, ::-1]}
    return case


REFUSED: dict[str, tuple[Callable[[], Case], str]] = {
    "two sigmoids": (sigmoids, "multi-label"),
    "other names": (other_names, "['clean', 'fraud'], the labels ['good', 'bad']"),
    "numbers from 1": (shifted, "[1, 2, 3], the labels"),
    "no probabilities": (ranked, "reg:squarederror gives no probabilities"),
    "gaps that it can't take": (no_gaps, "values may be missing"),
    "one against the rest": (one_against_the_rest, "is one-versus-rest"),
    "raw margins": (raw_margins, "binary:logistic"),
    "a dict": (a_dict, "--preprocessing"),
    "other answers": (other_answers, "differ from answers.npy"),
}


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_known_is_refused(
    tmp_path: Path, make: Callable[[], Case], words: str
) -> None:
    assert words in refused(tmp_path, make())


def test_versions_of_libraries(tmp_path: Path) -> None:
    case = spelled(("no", "yes"), ("no", "yes"), [0, 1])
    publish(tmp_path / "store", "old", "1.0.0", case.ending, case.save, features=4,
            labels=("no", "yes"), dependencies={"scikit-learn": "1.2.2"})  # fmt: skip
    models = {"old": "1.0.0"}
    with RunningServer(tmp_path / "store", tmp_path, models) as server:
        told = server.until_ready().client.get("/api/v1/models/old/info").json()
        assert "scikit-learn 1.2.2" in told["dependencies"][0]
        labels = {"model": "old", "version": "1.0.0"}
        assert server.metric("model_dependencies_differing", **labels) == 1
        assert all(json.loads(line) for line in server.log.read_text().splitlines())
    with RunningServer(tmp_path / "store", tmp_path, models, dependencies="Refuse") as server:
        eventually(lambda: server.process.poll() is not None, "the server's end")
        assert "scikit-learn 1.2.2" in server.termination_log.read_text()
