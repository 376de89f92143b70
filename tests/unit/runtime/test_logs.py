"""Each record is one line of JSON that says what it is about."""

import json
import logging
import sys

from transit_operator.runtime.logs import JsonLines


def line(message: str, *arguments: object, **about: object) -> dict[str, str]:
    record = logging.LogRecord("transit", logging.WARNING, "f.py", 1, message, arguments, None)
    record.created = 1_000_000_020.25
    record.__dict__.update(about)
    text = JsonLines().format(record)
    assert "\n" not in text
    found: dict[str, str] = json.loads(text)
    return found


def test_a_record_is_one_line_with_what_it_is_about() -> None:
    assert line("rolled %s", "back", resource="ml/m", revision="ab", reason="Drift", other=1) == {
        "time": "2001-09-09T01:47:00.250Z",
        "level": "warning",
        "logger": "transit",
        "message": "rolled back",
        "resource": "ml/m",
        "revision": "ab",
        "reason": "Drift",
    }


def test_what_is_not_known_is_left_out() -> None:
    assert set(line("listed", revision=None)) == {"time", "level", "logger", "message"}


def test_an_exception_is_a_field() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        found = line("a bug", exc_info=sys.exc_info())
    assert found["message"] == "a bug"
    assert "ValueError: first\nsecond" in found["exception"]
