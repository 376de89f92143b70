"""Many real kinds of models of five libraries: what is served is what the library says, on rows of
the range that each was trained on, or the model is refused. None is silently different.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import catboost
import joblib
import lightgbm
import msgspec
import numpy as np
import pandas
import pytest
import sklearn.discriminant_analysis as discriminant
import skops.io
import xgboost
from sklearn import ensemble, gaussian_process, linear_model, naive_bayes, neighbors, tree
from sklearn.base import BaseEstimator, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR

from tests.server.example_store import publish
from transit_models.integrity import VerifiedVersion, verify_version
from transit_server import formats
from transit_server.api.decoding.rows import parsed
from transit_server.formats import opening, whole
from transit_server.formats.agreeing.outputs import answers

NAMES = ("red", "green", "blue")
RANDOM = np.random.default_rng(11)
# Prices, shares, years and seconds: nothing is of one size.
ROWS = np.stack(
    [
        RANDOM.uniform(1e4, 2e6, 240),
        RANDOM.uniform(0, 1, 240),
        RANDOM.integers(1950, 2025, 240),
        1.7e9 + RANDOM.uniform(0, 1e6, 240),
    ],
    axis=1,
)
CLASSES = np.array(NAMES)[(ROWS[:, 0] > 1e6).astype(int) + (ROWS[:, 1] > 0.6)]
VALUES = ROWS[:, 0] * ROWS[:, 1] + ROWS[:, 2]
Small = dict[str, Any]
SMALL: Small = {"n_estimators": 12, "random_state": 0}


def scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


ESTIMATORS: dict[str, Callable[[], BaseEstimator]] = {
    "logistic": lambda: linear_model.LogisticRegression(),
    "logistic scaled": lambda: scaled(linear_model.LogisticRegression()),
    "logistic min-max": lambda: make_pipeline(MinMaxScaler(), linear_model.LogisticRegression()),
    "logistic of components": lambda: make_pipeline(
        StandardScaler(), PCA(2), linear_model.LogisticRegression()
    ),
    "descent": lambda: scaled(linear_model.SGDClassifier(loss="log_loss", random_state=0)),
    "forest": lambda: ensemble.RandomForestClassifier(**SMALL),
    "extra trees": lambda: ensemble.ExtraTreesClassifier(**SMALL),
    "tree": lambda: tree.DecisionTreeClassifier(random_state=0),
    "bagging": lambda: ensemble.BaggingClassifier(n_jobs=-1, **SMALL),
    "gradient boosting": lambda: ensemble.GradientBoostingClassifier(**SMALL),
    "histogram boosting": lambda: ensemble.HistGradientBoostingClassifier(max_iter=12),
    "adaptive boosting": lambda: ensemble.AdaBoostClassifier(**SMALL),
    "voting": lambda: ensemble.VotingClassifier(
        [("a", tree.DecisionTreeClassifier(max_depth=3)), ("b", naive_bayes.GaussianNB())],
        voting="soft",
    ),
    "stacking": lambda: ensemble.StackingClassifier(
        [("a", tree.DecisionTreeClassifier(max_depth=3)), ("b", naive_bayes.GaussianNB())], cv=2
    ),
    "bayes": lambda: naive_bayes.GaussianNB(),
    "neighbours": lambda: scaled(neighbors.KNeighborsClassifier(n_jobs=-1)),
    "linear discriminant": lambda: scaled(discriminant.LinearDiscriminantAnalysis()),
    "quadratic discriminant": lambda: scaled(discriminant.QuadraticDiscriminantAnalysis()),
    "network": lambda: scaled(MLPClassifier((6,), max_iter=60, random_state=0)),
    "calibrated": lambda: CalibratedClassifierCV(scaled(linear_model.RidgeClassifier()), cv=2),
    "vectors with probabilities": lambda: scaled(SVC(probability=True, random_state=0)),
    "one against the rest": lambda: scaled(OneVsRestClassifier(linear_model.LogisticRegression())),
    "search": lambda: GridSearchCV(tree.DecisionTreeClassifier(), {"max_depth": [2, 4]}, cv=2),
    "process": lambda: scaled(gaussian_process.GaussianProcessClassifier()),
    "boosted estimator": lambda: xgboost.XGBRegressor(**SMALL),
    "light estimator": lambda: lightgbm.LGBMClassifier(verbose=-1, **SMALL),
    "cat estimator": lambda: catboost.CatBoostClassifier(
        iterations=12, verbose=0, allow_writing_files=False
    ),
    "linear": lambda: linear_model.LinearRegression(),
    "ridge": lambda: scaled(linear_model.Ridge()),
    "lasso": lambda: scaled(linear_model.Lasso()),
    "forest of values": lambda: ensemble.RandomForestRegressor(**SMALL),
    "histogram of values": lambda: ensemble.HistGradientBoostingRegressor(max_iter=12),
    "neighbours of values": lambda: scaled(neighbors.KNeighborsRegressor()),
    "vectors of values": lambda: scaled(SVR()),
    "network of values": lambda: scaled(
        MLPRegressor(hidden_layer_sizes=(6,), max_iter=60, random_state=0)
    ),
    "light values": lambda: lightgbm.LGBMRegressor(verbose=-1, **SMALL),
    "classes alone": lambda: scaled(SVC()),
    "ridge classes": lambda: scaled(linear_model.RidgeClassifier()),
}


# Of what skops does not know to be data, and what is told to do.
NOT_IN_SKOPS = {
    "neighbours": "algorithm='brute'",
    "neighbours of values": "algorithm='brute'",
    "boosted estimator": "XGBoost's save_model",
    "light estimator": "LightGBM's save_model",
    "light values": "LightGBM's save_model",
    "cat estimator": "CatBoost's save_model",
}
PROBES = {"no probes": None, "probes": ROWS[:50]}


def published(
    root: Path, model: Any, ending: str, probe: Any, dtype: str, task: str, labels: Any
) -> VerifiedVersion:
    more: Small = {"input_schema": {"features": 4, "dtype": dtype}, "task": task}
    if task == "regression":
        more["output_schema"] = {}
    dump = skops.io.dump if ending == ".skops" else joblib.dump
    directory = publish(root, "model", "1.0.0", ending, lambda path: dump(model, path),
                        probe=probe, labels=labels, **more)  # fmt: skip
    return verify_version(directory)


def served(root: Path, model: Any, way: str, dtype: str, task: str, labels: Any) -> Any:
    if way == "skops":  # compiling it is no other than compiling the pickle
        version = published(root, model, ".skops", None, dtype, task, labels)
        source = whole.begin(version).source
        mapped = answers(opening.original(source), source.schema.outputs)
        return mapped.predict(ROWS.astype(dtype))
    version = published(root, model, ".pkl", PROBES[way], dtype, task, labels)
    return formats.load(version, root / "work").predict(ROWS.astype(dtype))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", [*PROBES, "skops"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_served_as_the_library_says(tmp_path: Path, name: str, way: str) -> None:
    model = ESTIMATORS[name]()
    classes = is_classifier(model)
    model.fit(ROWS, CLASSES if classes else VALUES)
    if way == "skops" and name in NOT_IN_SKOPS:
        task, labels = ("classification", NAMES) if classes else ("regression", ())
        with pytest.raises(formats.UnsupportedModel, match=NOT_IN_SKOPS[name]):
            served(tmp_path, model, way, "float64", task, labels)
        return
    if not classes:
        expected = np.asarray(model.predict(ROWS))
        got = served(tmp_path, model, way, "float64", "regression", ())
        assert got[:, 0] == pytest.approx(expected, rel=1e-6)
        return
    if not hasattr(model, "predict_proba"):
        with pytest.raises(formats.UnsupportedModel, match="--task label"):
            served(tmp_path / "refused", model, way, "float64", "classification", NAMES)
        got = served(tmp_path, model, way, "float64", "label", NAMES)
        assert [NAMES[place] for place in got.argmax(axis=1)] == list(model.predict(ROWS))
        return
    order = [list(model.classes_).index(label) for label in NAMES]
    expected = model.predict_proba(ROWS)[:, order]
    got = served(tmp_path, model, way, "float64", "classification", NAMES)
    assert got == pytest.approx(expected, abs=1e-5)


NATIVE: dict[str, tuple[str, Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "boosted": (
        ".json",
        lambda kinds: xgboost.train(
            {"objective": "multi:softprob", "num_class": 3}, xgboost.DMatrix(ROWS, kinds), 8
        ),
        lambda model, rows: model.predict(xgboost.DMatrix(rows)),
    ),
    "light": (
        ".txt",
        lambda kinds: lightgbm.train(
            {"objective": "multiclass", "num_class": 3, "verbose": -1},
            lightgbm.Dataset(ROWS, kinds), 8,
        ),
        lambda model, rows: model.predict(rows),
    ),
    "light, one against the rest": (
        ".txt",
        lambda kinds: lightgbm.train(
            {"objective": "multiclassova", "num_class": 3, "verbose": -1},
            lightgbm.Dataset(ROWS, kinds), 8,
        ),
        lambda model, rows: None,
    ),
    "cat": (
        ".cbm",
        lambda kinds: catboost.CatBoostClassifier(
            iterations=8, verbose=0, allow_writing_files=False
        ).fit(ROWS, kinds),
        lambda model, rows: model.predict_proba(rows),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NATIVE)
def test_native_files(tmp_path: Path, name: str) -> None:
    ending, train, ask = NATIVE[name]
    kinds = np.array([NAMES.index(item) for item in CLASSES])
    model = train(kinds)
    expected = ask(model, ROWS)
    more: Small = {"input_schema": {"features": 4, "dtype": "float64"}}
    directory = publish(tmp_path, "model", "1.0.0", ending, lambda p: model.save_model(str(p)),
                        labels=NAMES, **more)  # fmt: skip
    if expected is None:
        with pytest.raises(formats.UnsupportedModel, match="gives no probabilities"):
            formats.load(verify_version(directory), tmp_path / "work")
        return
    loaded = formats.load(verify_version(directory), tmp_path / "work")
    assert loaded.predict(ROWS) == pytest.approx(expected, abs=1e-5)


FRAME = pandas.DataFrame(
    {
        "city": pandas.Categorical(RANDOM.choice(["Oslo", "Bergen", "Hamar"], 240)),
        "age": RANDOM.uniform(18, 80, 240),
    }
)
RICH = ((FRAME.age > 45) ^ (FRAME.city == "Oslo")).astype(int)
WITH_CATEGORIES: dict[str, tuple[str, Callable[[], Any]]] = {
    "histogram": (
        ".pkl",
        lambda: ensemble.HistGradientBoostingClassifier(
            max_iter=8, categorical_features="from_dtype"
        ),
    ),
    "light in a pickle": (".pkl", lambda: lightgbm.LGBMClassifier(verbose=-1, **SMALL)),
    "boosted": (".json", lambda: xgboost.XGBClassifier(enable_categorical=True, **SMALL)),
    "boosted in a pickle": (
        ".pkl",
        lambda: xgboost.XGBClassifier(enable_categorical=True, **SMALL),
    ),
    "cat in a pickle": (
        ".pkl",
        lambda: catboost.CatBoostClassifier(
            iterations=8, verbose=0, allow_writing_files=False, cat_features=["city"]
        ),
    ),
}


@pytest.mark.parametrize("name", WITH_CATEGORIES)
def test_categories_by_their_texts(tmp_path: Path, name: str) -> None:
    ending, made = WITH_CATEGORIES[name]
    model = made().fit(FRAME, RICH)
    save = model.save_model if ending == ".json" else lambda path: joblib.dump(model, path)
    directory = publish(tmp_path, "model", "1.0.0", ending, save, features=2,
                        labels=("poor", "rich"))  # fmt: skip
    loaded = formats.load(verify_version(directory), tmp_path / "work")
    asked = FRAME.iloc[:40]
    rows = [
        parsed(msgspec.Raw(msgspec.json.encode({"age": row.age, "city": row.city})),
               loaded.inputs, "features")
        for row in asked.itertuples()
    ]  # fmt: skip
    expected = model.predict_proba(asked)
    assert loaded.predict(np.concatenate(rows)) == pytest.approx(expected, abs=1e-5)
