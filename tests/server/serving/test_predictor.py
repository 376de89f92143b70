"""Preprocessing and model on rows of which some fail: which rows have answers, and why others have
none.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from transit_server.serving.one_model.predictor import Predictor

ROWS = np.array([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [3.0, 0.0]], dtype=np.float32)


def scores(rows: Any) -> Any:
    return np.hstack((rows[:, :1], 1 - rows[:, :1]))


def refuses(text: str) -> Callable[[Any], Any]:
    def stage(rows: Any) -> Any:
        if (rows[:, 0] < 0).any():
            raise ValueError(text)
        return rows

    return stage


def spoils(rows: Any) -> Any:
    return np.where(rows < 0, np.nan, rows)


def exits(rows: Any) -> Any:
    if (rows[:, 0] < 0).any():
        raise SystemExit(1)
    return rows


def drops(rows: Any) -> Any:
    return rows[rows[:, 0] >= 0]


@pytest.mark.parametrize(
    ("name", "preprocess", "score", "words"),
    [
        ("preprocessing raises", refuses("bad"), scores, "row (ValueError): bad"),
        ("preprocessing exits", exits, scores, "preprocessing failed on this row (SystemExit)"),
        ("preprocessing drops rows", drops, scores, "shape is (0, 2), not (1, features)"),
        ("the model raises", None, lambda rows: scores(refuses("x")(rows)), "the model failed on"),
        ("the model says NaN", None, lambda rows: scores(spoils(rows)), "not a finite number"),
        ("NaN through both", spoils, scores, "not a finite number"),
    ],
)  # fmt: skip
def test_one_bad_row(name: str, preprocess: Any, score: Any, words: str) -> None:
    result = Predictor(preprocess, score, 2)(ROWS)
    assert list(result.errors) == [2]
    assert words in result.errors[2].full
    assert result.scores[[0, 1, 3]].tolist() == scores(ROWS[[0, 1, 3]]).tolist()
    assert np.isnan(result.scores[2]).all()


def test_both_stages_fail_on_different_rows() -> None:
    def refuses_large(rows: Any) -> Any:
        if (rows[:, 0] > 2.5).any():
            raise ValueError("large")
        return scores(rows)

    result = Predictor(refuses("negative"), refuses_large, 2)(ROWS)
    assert "negative" in result.errors[2].full
    assert "large" in result.errors[3].full
    assert result.scores[:2].tolist() == scores(ROWS[:2]).tolist()


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_wrong_number_of_outputs_is_an_error(outputs: int) -> None:
    result = Predictor(None, scores, outputs)(ROWS)
    assert sorted(result.errors) == [0, 1, 2, 3]


def test_parts_go_to_their_owners() -> None:
    result = Predictor(refuses("bad"), scores, 2)(ROWS)
    assert result.part(0, 2).errors == {}
    assert list(result.part(2, 4).errors) == [0]
    assert result.part(3, 4).scores.tolist() == scores(ROWS[3:]).tolist()
