"""Seconds since the epoch (how decisions count) and RFC 3339 (how status says)."""

from datetime import UTC, datetime


def rfc3339(now: float) -> str:
    """Return seconds since the epoch as RFC 3339 with milliseconds, in UTC."""
    text = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def epoch(text: str) -> float:
    """Return RFC 3339 text as seconds since the epoch.

    Raises:
        ValueError: the text is not RFC 3339.
    """
    return datetime.fromisoformat(text).timestamp()
