"""The rows of a run as one table in Markdown, with the goals beside them."""

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]

# title, how it is read from a row, the goal at the largest N
_LINES: tuple[tuple[str, Callable[[Row], Any], str], ...] = (
    ("first creation of all, s", lambda r: r["create"]["seconds"], ""),
    ("restart to all looked at once, s", lambda r: r["sync"]["seconds"], "< 30"),
    ("CPU time of that, s", lambda r: r["sync"]["cpu_seconds"], ""),
    ("memory when settled, MB", lambda r: r["idle"]["memory_mb"], ""),
    ("memory at the peak, MB", lambda r: r["peak_memory_mb"], "< 400"),
    ("change to first write, p50, ms", lambda r: r["change"]["p50_ms"], ""),
    ("change to first write, p99, ms", lambda r: r["change"]["p99_ms"], "< 1000"),
    ("idle: API requests a minute", lambda r: r["idle"]["api_requests_per_minute"], ""),
    ("idle: writes in all", lambda r: r["idle"]["api_writes"], "0"),
    ("idle: objects changed", lambda r: r["idle"]["changed_objects"], "0"),
    ("idle: queries a minute", lambda r: r["idle"]["prometheus_queries_per_minute"], ""),
    ("idle: for so long, s", lambda r: r["idle"]["seconds"], ""),
    ("rollouts under way", lambda r: r["rollouts"]["rollouts"], ""),
    ("… change to first write, p50, ms", lambda r: r["rollouts"]["change"]["p50_ms"], ""),
    ("… change to first write, p99, ms", lambda r: r["rollouts"]["change"]["p99_ms"], "< 1000"),
    ("… API requests a minute", lambda r: r["rollouts"]["api_requests_per_minute"], ""),
    (
        "… queries a tick",
        lambda r: r["rollouts"]["prometheus_queries_per_tick"],
        "the same for each N",
    ),
    ("… CPU, %", lambda r: r["rollouts"]["cpu_percent"], ""),
    ("… without data at the end", lambda r: r["rollouts"]["without_data"], "0"),
    ("rollouts with two custom queries each", lambda r: r["custom"]["rollouts"], ""),
    ("… change to first write, p99, ms", lambda r: r["custom"]["change"]["p99_ms"], "< 1000"),
    (
        "… queries a tick",
        lambda r: r["custom"]["prometheus_queries_per_tick"],
        "two a rollout more",
    ),
    ("… CPU, %", lambda r: r["custom"]["cpu_percent"], ""),
    ("… without data at the end", lambda r: r["custom"]["without_data"], "0"),
    ("load average of the machine", lambda r: r["load_average"], ""),
)


def table(rows: list[Row]) -> str:
    """Return the table: one column for each N."""
    heads = " | ".join(f"N = {row['n']}" for row in rows)
    lines = [
        f"| | {heads} | goal at 5000 |",
        "|---" * (len(rows) + 2) + "|",
    ]
    for title, value, goal in _LINES:
        lines.append(f"| {title} | {' | '.join(str(value(row)) for row in rows)} | {goal} |")
    return "\n".join(lines)
