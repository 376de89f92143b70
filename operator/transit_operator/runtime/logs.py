"""Logs: one JSON object a line, of Transit and of the libraries that it runs on.

What a line is about is given as `extra`: `resource` ("namespace/name"), `revision`, `reason`. So a
collector can pick the lines of one ModelDeployment without parsing text.
"""

import json
import logging
import sys
from datetime import UTC, datetime

LEVELS = ("debug", "info", "warning", "error")
ABOUT = ("resource", "revision", "reason")  # what `extra` may say


# Threads whose names begin so hold secrets, and so may what is logged in them, by whomever.
UNHEARD = "unheard "


def _heard(record: logging.LogRecord) -> bool:
    return not (record.threadName or "").startswith(UNHEARD)


class JsonLines(logging.Formatter):
    """One line for a record, whatever it says: newlines of an exception are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON object; `time` is RFC 3339 in UTC, with milliseconds."""
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ABOUT:
            value = getattr(record, name, None)
            if value is not None:
                line[name] = str(value)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def write_logs(level: str) -> None:
    """Write every logger's lines of a level and above to stderr.

    kopf tells each event that it handles: its information is for those who debug.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(_heard)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("kopf").setLevel(logging.INFO if level == "debug" else logging.WARNING)
