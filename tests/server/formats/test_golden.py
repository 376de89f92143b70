"""Golden requests: what the author's library said to the probe rows is what a request is answered,
or the model is not served.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas
import pytest

from tests.server.example_store import publish
from tests.server.running import RunningServer
from transit_models.schema import TEXT, Input, Inputs
from transit_server.api.golden import MOST, replay
from transit_server.formats.base import UnsupportedModel
from transit_server.serving.one_model.predictor import Predictor

NUMBERS = Inputs((Input("features", "float32", (2,)),))
WHOLE = Inputs((Input("features", "int64", (2,)),))
GAPS = Inputs((Input("features", "float64", (2,), missing=True),))
TABLE = Inputs((Input("city", TEXT, categories=("Oslo", "Hamar")), Input("age", "float64")))
TENSORS = Inputs((Input("image", "float32", (2, 2)), Input("mask", "float32", (2,))))


def predictor(says: Callable[[Any], float]) -> Predictor:
    """A model that answers each row with a number."""
    return Predictor(None, lambda rows: np.array([[says(row)] for row in rows]), 1)


def table(*rows: tuple[str, float]) -> Any:
    made = np.zeros(len(rows), TABLE.row_dtype)
    for place, row in enumerate(rows):
        made[place] = row
    return made


@pytest.mark.parametrize(
    ("inputs", "rows", "says"),
    [
        (NUMBERS, np.array([[0.1, 3e38], [-1e-30, 7]], np.float32), lambda row: row[0]),
        (WHOLE, np.array([[3, -5], [2**60, 1]]), lambda row: row[0]),
        (GAPS, np.array([[np.nan, 1.0], [0.1, np.nan]]), lambda row: float(np.isnan(row[0]))),
        (TABLE, table(("Oslo", 0.1), ("Hamar", 1e9)), lambda row: row["age"]),
        (TENSORS, np.zeros(2, TENSORS.row_dtype), lambda row: 1.0),
    ],
    ids=["numbers", "whole numbers", "gaps", "a table", "tensors"],
)
def test_rows_that_are_answered_as_proven(inputs: Inputs, rows: Any, says: Any) -> None:
    replay(inputs, predictor(says), rows)


def raises_on_text(row: Any) -> float:
    if row["city"] == "Oslo" and type(row["city"]) is str:
        raise ValueError("no such city")
    return 1.0


@pytest.mark.parametrize(
    ("inputs", "rows", "says", "words"),
    [
        (
            TABLE,
            table(("Oslo", 1.0), ("Bergen", 2.0)),
            lambda row: 1.0,
            "row 1 of probe.npy is refused .* 'Bergen' is not one of Oslo, Hamar",
        ),
        (
            NUMBERS,
            np.array([[2.0, 1.0], [16777217.0, 1.0]]),  # odd in 64 bits, even in 32
            lambda row: row[0] % 2,
            r"row 1 of probe.npy, sent as a request, is answered with \[0.0\].* \[1.0\].* up to 1",
        ),
    ],
    ids=["a category that the metadata leaves out", "another answer"],
)
def test_rows_that_are_not(inputs: Inputs, rows: Any, says: Any, words: str) -> None:
    with pytest.raises(UnsupportedModel, match=words):
        replay(inputs, predictor(says), rows)


def test_a_row_that_fails_however_it_comes_is_no_matter_of_its_request() -> None:
    replay(TABLE, predictor(raises_on_text), table(("Oslo", 1.0), ("Hamar", 1.0)))


def test_a_large_file_of_probes_holds_no_start_up() -> None:
    asked: list[float] = []

    def says(row: Any) -> float:
        asked.append(row[0])
        return 1.0

    replay(NUMBERS, predictor(says), np.ones((10_000, 2), np.float32))
    assert len(asked) == 2 * MOST


def pipeline() -> tuple[Any, Any, Any]:
    """A pipeline on a table, its probe rows, and what it says to them."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    random = np.random.default_rng(0)
    cities = random.choice(["Oslo", "Bergen", "Hamar"], 200)
    frame = pandas.DataFrame({"city": cities, "age": random.uniform(18, 80, 200)})
    kinds = (frame.age > 45) ^ (frame.city == "Oslo")
    enter = make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough")
    model = make_pipeline(enter, LogisticRegression(max_iter=2000))
    model.fit(frame, np.where(kinds, "yes", "no"))
    probe = np.zeros(20, [("city", "U10"), ("age", "f8")])
    probe["city"], probe["age"] = frame.city[:20], frame.age[:20]
    return model, probe, model.predict_proba(frame[:20])


def inputs_of(*categories: str) -> list[dict[str, Any]]:
    city = {"name": "city", "dtype": "text", "categories": list(categories)}
    return [city, {"name": "age", "dtype": "float64"}]


def test_before_they_pass_there_is_no_traffic(tmp_path: Path) -> None:
    model, probe, said = pipeline()

    def published(name: str, *categories: str) -> None:
        more: dict[str, Any] = {"inputs": inputs_of(*categories), "input_schema": {"features": 2}}
        publish(tmp_path / "store", name, "1.0.0", ".pkl", lambda path: joblib.dump(model, path),
                labels=("no", "yes"), probe=probe, answers=said, **more)  # fmt: skip

    published("right", "Oslo", "Bergen", "Hamar")
    published("wrong", "Oslo", "Hamar")
    with RunningServer(tmp_path / "store", tmp_path / "a", {"right": "1.0.0"}) as server:
        server.until_ready()
    with RunningServer(tmp_path / "store", tmp_path / "b", {"wrong": "1.0.0"}) as server:
        assert server.process.wait(60) == 1
        words = r"row \d+ of probe.npy is refused .* 'Bergen' is not one of Oslo, Hamar"
        assert re.search(words, server.termination_log.read_text())
