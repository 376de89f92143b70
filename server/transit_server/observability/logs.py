"""The log: one JSON object a line, on standard error.

What clients send is in none: no features, no keys, no bodies, and of an exception only its type and
where it came from, because its text may quote a value. `http.access_log` writes here, too.
"""

import logging
import sys
import time
import traceback
import warnings
from typing import Any

import msgspec

_FIELDS = "transit_fields"
_FRAMES = 12
log = logging.getLogger("transit_server.warnings")


class JsonFormatter(logging.Formatter):
    """A record as JSON: time, level, logger, message, and the fields that came with it."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        line.update(getattr(record, _FIELDS, {}))
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
            line["error"] = type(error).__name__
            line["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return msgspec.json.encode(line).decode()


def start(level: str) -> None:
    """Send everything of at least `level` to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    warnings.showwarning = _warned


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: str | None = None,
) -> None:
    """A library's warning, without its text, which may quote a value."""
    log.warning("%s at %s:%d", category.__name__, filename, lineno)


def fields(**given: Any) -> dict[str, Any]:
    """For `extra` of a logger's call: what its JSON line has besides the message. What is empty is
    left out.
    """
    return {_FIELDS: {name: value for name, value in given.items() if value not in ("", None)}}


def _time(seconds: float) -> str:
    whole = int(seconds)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return f"{text}.{int((seconds - whole) * 1000):03d}Z"
