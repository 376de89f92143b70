"""What a client is told of an exception, and what the log is told."""

import pytest

from transit_server.serving.one_model.failure import Failure


def failure(text: str) -> Failure:
    try:
        raise ValueError(text)
    except ValueError as error:
        return Failure.of("preprocessing", error)


@pytest.mark.parametrize(
    ("text", "row", "told"),
    [
        ("first value out of range", None, "first value out of range"),
        ("no 17.5 in [-3, 1e-7)", [17.5], "no # in [#, #)"),
        ("could not convert string to float: 'Smith'", ("Smith",), "…: '…'"),
        ("unknown name Smith at\ncolumn x1", ("Smith", 2.0), "unknown name … at column x1"),
        ("float32 can't hold it", [1.0], "float32 can't hold it"),
        ("", None, "(ValueError) at "),
    ],
)
def test_texts(text: str, row: object, told: str) -> None:
    found = failure(text)
    assert found.reason == "preprocessing failed on this row (ValueError)"
    said = found.for_log(row)
    assert all(part in said for part in told.split("…"))
    assert "Smith" not in said
    assert "test_failure.py:" in said
    assert found.full == found.reason + (f": {text}" if text else "")
