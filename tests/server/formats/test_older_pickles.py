"""Pickles of older versions of scikit-learn answer what those versions answered, or are refused.

How the files were made: `tests/models/old_sklearn/make.py`.
"""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas
import pytest
import sklearn

from transit_server.formats.base import UnsupportedModel
from transit_server.formats.estimators.breaks import refuse_known
from transit_server.formats.estimators.columns import fields_of
from transit_server.formats.estimators.pickles import opened

pytestmark = pytest.mark.timeout(180)
OLD = Path(__file__).parents[2] / "models" / "old_sklearn"
VERSIONS = ("1.2.2", "1.3.2", "1.5.2")
REFUSED = {
    "real-boosting": "SAMME.R",
    "one-against-the-rest": "one-versus-rest",
    "scaled-parts": "scaled rows",
}


@cache
def told(version: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((OLD / f"answers-{version}.json").read_text())
    return said


@cache
def models(version: str) -> Any:
    return opened(OLD / f"{version}.pkl")


def cases() -> list[tuple[str, str]]:
    return [(version, name) for version in VERSIONS for name in told(version)["answers"]]


@pytest.mark.parametrize(("version", "name"), cases())
def test_it_answers_as_the_version_that_wrote_it(version: str, name: str) -> None:
    found = models(version)
    model = found.thing[name]
    method, wanted = told(version)["answers"][name]
    if name in REFUSED and not (name == "scaled-parts" and version == "1.5.2"):
        with pytest.raises(UnsupportedModel, match=REFUSED[name]) as refused:
            refuse_known(model, found.written_by["scikit-learn"], sklearn.__version__)
        assert f"written by {version}" in str(refused.value)
        return
    refuse_known(model, found.written_by["scikit-learn"], sklearn.__version__)
    asked = told(version)["texts"] if name.startswith("words") else told(version)["rows"]
    said = np.asarray(
        getattr(model, method)(asked if name.startswith("words") else np.array(asked))
    )
    if said.dtype.kind == "U":
        assert said.tolist() == wanted
    else:
        assert np.allclose(said, wanted, atol=1e-12, rtol=1e-12)


def test_nothing_is_left_behind() -> None:
    """Older names are there while a pickle is opened, and no longer."""
    models("1.2.2")
    assert "sklearn.ensemble._gb_losses" not in sys.modules
    assert "_loss" not in sys.modules
    from sklearn.metrics import _dist_metrics
    from sklearn.tree import DecisionTreeClassifier, _tree

    assert not hasattr(_dist_metrics, "EuclideanDistance")
    fitted = DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1])
    assert type(fitted.tree_) is _tree.Tree


def test_how_many_features_is_known_of_what_never_said(tmp_path: Path) -> None:
    """Before 0.24 nobody counted them; what was learned has as many."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LinearRegression
    from sklearn.svm import SVC

    rows = np.random.default_rng(0).normal(size=(30, 3))
    kinds = (rows[:, 0] > 0).astype(int)
    for model in (RandomForestClassifier(2), SVC(), LinearRegression()):
        model.fit(rows, kinds)
        wanted = model.predict(rows)
        del model.n_features_in_
        joblib.dump(model, tmp_path / "model.pkl")
        found = opened(tmp_path / "model.pkl").thing
        assert found.n_features_in_ == 3
        assert np.array_equal(found.predict(rows), wanted)


def test_support_vectors_of_0_20(tmp_path: Path) -> None:
    """Three attributes had other names, and nobody broke ties."""
    from sklearn.svm import SVC

    rows = np.random.default_rng(0).normal(size=(60, 3))
    model = SVC(gamma="scale", random_state=0).fit(rows, np.arange(60) % 3)
    wanted = model.predict(rows)
    kept = vars(model)
    for new, old in (("_n_support", "n_support_"), ("_probA", "probA_"), ("_probB", "probB_")):
        kept[old] = kept.pop(new)
    del kept["break_ties"], kept["n_features_in_"]
    joblib.dump(model, tmp_path / "model.pkl")
    assert np.array_equal(opened(tmp_path / "model.pkl").thing.predict(rows), wanted)


def test_columns_that_0_24_named_otherwise(tmp_path: Path) -> None:
    """What that version kept instead, since it runs with no Python of today."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = pandas.DataFrame({"city": ["Oslo", "Bergen"] * 20, "age": np.arange(40.0)})
    model = make_pipeline(
        ColumnTransformer([("c", OneHotEncoder(), ["city"]), ("n", StandardScaler(), ["age"])]),
        LogisticRegression(),
    ).fit(frame, np.arange(40) % 3 == 0)
    wanted = model.predict_proba(frame)
    columns = model.steps[0][1]
    columns._feature_names_in = columns.feature_names_in_
    del columns.feature_names_in_, columns._transformer_to_input_indices
    del columns.verbose_feature_names_out  # a parameter of later
    encoder = columns.transformers_[0][1]
    del encoder._infrequent_enabled, encoder._drop_idx_after_grouping
    joblib.dump(model, tmp_path / "model.pkl")
    found = opened(tmp_path / "model.pkl").thing
    assert np.array_equal(found.predict_proba(frame[["age", "city"]]), wanted)
    assert [field.name for field in fields_of(found)] == ["city", "age"]


@pytest.mark.parametrize("remainder", ["passthrough", "drop"])
def test_the_rest_of_the_columns_as_1_5_to_1_7_kept_them(
    tmp_path: Path, remainder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collections import UserList

    from sklearn.compose import ColumnTransformer, _column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.random.default_rng(0).normal(size=(60, 3))
    columns = ColumnTransformer([("scaled", StandardScaler(), [0, 1])], remainder=remainder)
    model = make_pipeline(columns, LogisticRegression()).fit(rows, (rows[:, 0] > 0).astype(int))
    expected = model.predict_proba(rows)
    old = type("_RemainderColsList", (UserList,), {"__module__": _column_transformer.__name__})
    with monkeypatch.context() as patch:
        patch.setattr(_column_transformer, old.__name__, old, raising=False)
        columns.transformers_[-1] = (*columns.transformers_[-1][:2], old([2]))
        joblib.dump(model, tmp_path / "model.pkl")
    got = opened(tmp_path / "model.pkl").thing.predict_proba(rows)
    assert got == pytest.approx(expected, abs=1e-12)
