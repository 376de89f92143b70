"""Columns as tables have them: truth values, numbers beside gaps, values that stand for a gap,
numbers of 32 bits. Each was once refused for no reason, or answered otherwise than where it was
trained.
"""

import json
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
import xgboost
from sklearn import compose, ensemble, impute, preprocessing
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from tests.looking import looked_into_here
from tests.server.example_store import publish
from transit_models.cli import main
from transit_models.integrity import verify_version
from transit_server import formats
from transit_server.api.decoding.rows import parsed
from transit_server.api.v2.inputs import rows_of
from transit_server.api.v2.requests import InferInput
from transit_server.formats import Loaded

RANDOM = np.random.default_rng(7)
TABLE = pandas.DataFrame(
    {
        "city": RANDOM.choice(["Oslo", "Bergen", "Hamar"], 200),
        "age": RANDOM.uniform(18, 80, 200),
        "own": RANDOM.random(200) > 0.5,
        "rooms": RANDOM.integers(1, 5, 200),
    }
)
RICH = (TABLE.age > 45) ^ (TABLE.rooms > 2) ^ TABLE.own
ONE_HOT = preprocessing.OneHotEncoder


def packed(root: Path, model: Any, *options: str) -> Loaded:
    """A file, or what is pickled first."""
    path = model if isinstance(model, Path) else root / "model.pkl"
    if path is not model:
        joblib.dump(model, path)
    with looked_into_here():
        assert main(["pack", str(path), str(root / "store"), "m@1.0.0", *options]) == 0
    return formats.load(verify_version(root / "store" / "m" / "v1.0.0"), root / "work")


def sent(model: Loaded, asked: Any) -> Any:
    """The rows of a table or an array, each as JSON has it."""
    if isinstance(asked, pandas.DataFrame):
        names = list(asked)
        rows = [dict(zip(names, row, strict=True)) for row in asked.astype(object).to_numpy()]
    else:
        rows = asked.tolist()
    texts = [msgspec.Raw(msgspec.json.encode(row, enc_hook=np.generic.item)) for row in rows]
    return np.concatenate([parsed(text, model.inputs, "features") for text in texts])


def encoded(encoder: Any, column: str) -> Any:
    columns = compose.make_column_transformer((encoder, [column]), remainder="passthrough")
    return make_pipeline(columns, LogisticRegression())


def of_columns(step: Any, *columns: str) -> Any:
    return make_pipeline(
        compose.make_column_transformer((step, list(columns))), LogisticRegression()
    )


def with_gaps(column: str, gap: Any) -> pandas.DataFrame:
    rows = TABLE[[column, "age"]].astype({column: object})
    rows.loc[::5, column] = gap
    return rows


def lowered(frame: Any) -> Any:
    return frame.apply(lambda column: column.str.lower())


def with_share(frame: Any) -> Any:
    """As features are made: one more, and one fewer."""
    return frame.assign(share=frame.age / frame.rooms).drop(columns="rooms")


def filled(marker: Any, strategy: str) -> Any:
    return impute.SimpleImputer(missing_values=marker, strategy=strategy)


def ids_and_none() -> Any:
    """Two of them are one and the same float."""
    rows = with_gaps("rooms", None)
    rows["rooms"] = [None if room is None else 2**60 + room for room in rows.rooms]
    return rows


IDS = 2**60 + TABLE[["rooms"]].to_numpy()
SHARES = (TABLE[["rooms"]].to_numpy() * 0.1).astype(np.float32)
IGNORING: dict[str, Any] = {"handle_unknown": "ignore"}
KINDS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "true and false as numbers": lambda: (
        DecisionTreeClassifier(max_depth=4), TABLE[["own", "age", "rooms"]]
    ),
    "true and false, passed through": lambda: (
        encoded(ONE_HOT(), "city"), TABLE[["city", "own", "age"]]
    ),
    "true, false and nan": lambda: (encoded(ONE_HOT(), "own"), with_gaps("own", np.nan)),
    "true, false and none": lambda: (encoded(ONE_HOT(), "own"), with_gaps("own", None)),
    "truth values alone, and none": lambda: (
        make_pipeline(ONE_HOT(), LogisticRegression()),
        with_gaps("own", None)[["own"]].assign(other=with_gaps("own", None).own[::-1].to_numpy()),
    ),
    "numbers as objects": lambda: (encoded(ONE_HOT(), "rooms"), with_gaps("rooms", np.nan)),
    "numbers as objects, without names": lambda: (
        make_pipeline(ONE_HOT(**IGNORING), LogisticRegression()),
        with_gaps("rooms", np.nan)[["rooms"]].to_numpy(),
    ),
    "ids as objects": lambda: (encoded(ONE_HOT(**IGNORING), "rooms"), ids_and_none()),
    "ids without names": lambda: (
        make_pipeline(ONE_HOT(**IGNORING), LogisticRegression()), IDS
    ),
    "categories of 32 bits": lambda: (
        encoded(ONE_HOT(**IGNORING), "share"), TABLE[["age"]].assign(share=SHARES)
    ),
    "categories of 32 bits, without names": lambda: (
        make_pipeline(ONE_HOT(**IGNORING), LogisticRegression()), SHARES
    ),
    "a number for a gap": lambda: (
        make_pipeline(filled(-999, "mean"), LogisticRegression()),
        TABLE[["age"]].assign(rooms=np.where(TABLE.age > 60, -999, TABLE.rooms)),
    ),
    "a text for a gap": lambda: (
        encoded(make_pipeline(filled("?", "most_frequent"), ONE_HOT()), "city"),
        with_gaps("city", "?"),
    ),
    "two tables in a vote": lambda: (
        ensemble.VotingClassifier(
            [("city", of_columns(ONE_HOT(), "city")),
             ("age", of_columns(preprocessing.StandardScaler(), "age"))],
            voting="soft",
        ),
        TABLE[["city", "age"]],
    ),
    "columns that are made of others": lambda: (
        make_pipeline(
            preprocessing.FunctionTransformer(with_share), encoded(ONE_HOT(), "city")
        ),
        TABLE[["rooms", "age", "city"]],
    ),
    "texts that a step changes": lambda: (
        encoded(make_pipeline(preprocessing.FunctionTransformer(lowered), ONE_HOT()), "city"),
        TABLE[["city", "age"]],
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KINDS)
def test_answered_as_where_it_was_trained(tmp_path: Path, name: str) -> None:
    model, rows = KINDS[name]()
    model.fit(rows, RICH)
    expected = model.predict_proba(rows[:40])
    assert len(np.unique(expected, axis=0)) > 1
    served = packed(tmp_path, model)
    assert served.predict(sent(served, rows[:40])) == pytest.approx(expected, abs=1e-6)


def test_an_encoder_that_takes_any_text_gets_any(tmp_path: Path) -> None:
    model = encoded(preprocessing.TargetEncoder(), "city").fit(TABLE[["city", "age"]], RICH)
    asked = TABLE[["city", "age"]][:3].assign(city="Paris")
    served = packed(tmp_path, model)
    assert served.predict(sent(served, asked)) == pytest.approx(model.predict_proba(asked))


def cleaned(texts: Any) -> Any:
    return [text.lower() for text in texts]


TEXTS = [
    f"{city} {'Owner' if own else 'tenant'}"
    for city, own in zip(TABLE.city, TABLE.own, strict=True)
]
OF_TEXTS: dict[str, Callable[[], Any]] = {
    "cleaned first": lambda: make_pipeline(
        preprocessing.FunctionTransformer(cleaned), TfidfVectorizer(), LogisticRegression()
    ),
    "counted in two ways": lambda: make_pipeline(
        make_union(TfidfVectorizer(), CountVectorizer(analyzer="char")), LogisticRegression()
    ),
    "in a calibration": lambda: CalibratedClassifierCV(
        make_pipeline(TfidfVectorizer(), LinearSVC()), cv=2
    ),
}


@pytest.mark.parametrize("name", OF_TEXTS)
def test_texts_are_known_wherever_they_are_counted(tmp_path: Path, name: str) -> None:
    model = OF_TEXTS[name]().fit(TEXTS, RICH)
    served = packed(tmp_path, model)
    asked = sent(served, np.array(TEXTS[:20], dtype=object).reshape(-1, 1))
    assert served.predict(asked) == pytest.approx(model.predict_proba(TEXTS[:20]), abs=1e-6)


def of_v2(rows: Any, name: str, datatype: str) -> InferInput:
    data = msgspec.Raw(msgspec.json.encode(rows[name].tolist()))
    return InferInput(name, [len(rows), 1], datatype, data=data)


def test_gaps_come_by_v2_as_well(tmp_path: Path) -> None:
    rows = with_gaps("own", None)
    model = encoded(ONE_HOT(), "own").fit(rows, RICH)
    served = packed(tmp_path, model)
    inputs = [of_v2(rows[:20], "own", "BOOL"), of_v2(rows[:20], "age", "FP64")]
    got = served.predict(rows_of(inputs, memoryview(b""), served.inputs, 20))
    assert got == pytest.approx(model.predict_proba(rows[:20]), abs=1e-6)


def test_a_mixture_is_of_clusters(tmp_path: Path) -> None:
    rows = TABLE[["age", "rooms"]].to_numpy(float)
    model = GaussianMixture(3, random_state=0).fit(rows)
    served = packed(tmp_path, model)
    assert served.predict(rows).argmax(axis=1).tolist() == model.predict(rows).tolist()


def test_several_texts_are_no_tensors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = np.stack((TABLE.city, np.where(RICH, "rich", "poor")), axis=1)
    model = MultiOutputClassifier(LogisticRegression()).fit(TABLE[["age", "rooms"]], kinds)
    with pytest.raises(AssertionError):
        packed(tmp_path, model)
    assert "its classes are texts (Bergen, Hamar, Oslo, …)" in capsys.readouterr().err


def boosted_constants() -> Any:
    """One category was there in every row, and truth values are categories as well."""
    rows = TABLE[["age", "city", "own"]].assign(country="Norway")
    rows = rows[["age", "country", "city", "own"]]
    return rows.astype({"country": "category", "city": "category", "own": "category"})


def test_categories_of_lightgbm_are_where_its_file_says(tmp_path: Path) -> None:
    rows = boosted_constants()
    model = lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=5, verbose=-1).fit(rows, RICH)
    model.booster_.save_model(tmp_path / "model.txt")
    served = packed(tmp_path, tmp_path / "model.txt", "--labels", "poor,rich")
    got = served.predict(sent(served, rows[:40]))
    assert got == pytest.approx(model.predict_proba(rows[:40]), abs=1e-6)


def test_categories_of_catboost_may_be_numbers(tmp_path: Path) -> None:
    rows = TABLE[["rooms", "own", "age"]]
    model = catboost.CatBoostClassifier(
        iterations=5, loss_function="Focal:focal_alpha=0.3;focal_gamma=1", verbose=0,
        allow_writing_files=False,
    ).fit(rows, RICH.astype(int), cat_features=["rooms", "own"])  # fmt: skip
    model.save_model(str(tmp_path / "model.cbm"))
    served = packed(tmp_path, tmp_path / "model.cbm")
    expected = model.predict_proba(rows[:20])
    assert served.predict(sent(served, rows[:20])) == pytest.approx(expected, abs=1e-6)
    inputs = [
        of_v2(rows[:20], *item) for item in (("rooms", "INT64"), ("own", "BOOL"), ("age", "FP64"))
    ]
    got = served.predict(rows_of(inputs, memoryview(b""), served.inputs, 20))
    assert got == pytest.approx(expected, abs=1e-6)


def test_what_xgboost_1_left_in_the_file_is_read(tmp_path: Path) -> None:
    """Its estimators wrote down their classes, and which number stands for a gap."""
    rows = TABLE[["age", "rooms"]].to_numpy(np.float32)
    rows[::3, 0] = -999
    model = xgboost.XGBClassifier(n_estimators=5, missing=-999.0).fit(rows, RICH)
    booster = model.get_booster()
    said = {"missing": -999.0, "classes_": ["rich", "poor"], "_estimator_type": "classifier"}
    booster.set_attr(scikit_learn=json.dumps(said))
    booster.save_model(tmp_path / "model.json")
    served = packed(tmp_path, tmp_path / "model.json", "--labels", "poor,rich")
    expected = model.predict_proba(rows[:40])[:, ::-1]
    assert served.predict(rows[:40]) == pytest.approx(expected, abs=1e-6)
    assert served.inputs.row_dtype == np.float32


def test_classes_that_are_floats_are_the_labels_that_pack_wrote(tmp_path: Path) -> None:
    model = LogisticRegression().fit(TABLE[["age"]], np.where(RICH, 2.0, 1.0))
    served = packed(tmp_path, model)
    got = served.predict(sent(served, TABLE[["age"]][:5]))
    assert got == pytest.approx(model.predict_proba(TABLE[["age"]][:5]), abs=1e-6)


def test_dates_are_no_categories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    days = pandas.Timestamp("2026-01-01") + pandas.to_timedelta(TABLE.rooms, unit="D")
    model = encoded(ONE_HOT(), "day").fit(TABLE[["age"]].assign(day=days), RICH)
    with pytest.raises(AssertionError):
        packed(tmp_path, model)
    assert "its categories are dates, and JSON has none" in capsys.readouterr().err


@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_seconds_are_whole_behind_preprocessing(tmp_path: Path, dtype: str) -> None:
    seconds = 1_700_000_000 + RANDOM.integers(0, 86_400, (300, 1))
    model = ensemble.HistGradientBoostingClassifier(max_iter=20)
    model.fit(seconds.astype(float), seconds[:, 0] // 1800 % 2)
    directory = publish(
        tmp_path, "m", "1.0.0", ".pkl", lambda path: joblib.dump(model, path),
        preprocessing=impute.SimpleImputer().fit(seconds.astype(float)), labels=("0", "1"),
        input_schema={"features": 1, "dtype": dtype},
    )  # fmt: skip
    served = formats.load(verify_version(directory), tmp_path / "work")
    assert served.prepare is not None
    got = served.predict(served.prepare(seconds.astype(dtype)))
    assert got == pytest.approx(model.predict_proba(seconds.astype(float)), abs=1e-6)
