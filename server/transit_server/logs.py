"""The log: one JSON object a line, on standard error.

What clients send is in none: no features, no keys, no bodies, and of an exception only its type and
where it came from, because its text may quote a value. `http.endpoint` writes the access log here.
"""

import logging
import sys
import time
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from transit_server.http.endpoint import Call

_FIELDS = "transit_fields"
_FRAMES = 12
log = logging.getLogger("transit_server.warnings")
access = logging.getLogger("transit_server.access")

# The lowest status that each value of TRANSIT_ACCESS_LOG writes.
NEVER = 1000
ACCESS_FROM = {"all": 100, "errors": 500, "off": NEVER}


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


def request(call: "Call", route: str, status: int, revision: str) -> None:
    """The access log's line for one request."""
    fields: dict[str, Any] = {
        "request_id": call.request_id,
        "method": call.scope["method"],
        "route": route,
        "status": status,
        "ms": round((time.perf_counter() - call.started) * 1e3, 3),
        "revision": revision,
    }
    for name, value in (
        ("model", call.model),
        ("version", call.version),
        ("client", call.client_name),
        ("code", call.code),
    ):
        if value:
            fields[name] = value
    level = logging.WARNING if status >= 500 else logging.INFO
    access.log(level, "request", extra={_FIELDS: fields})


def _time(seconds: float) -> str:
    whole = int(seconds)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    return f"{text}.{int((seconds - whole) * 1000):03d}Z"
