"""From outcomes to rows and tables: rates with their bounds, medians, Markdown, JSON."""

import statistics
from collections.abc import Sequence
from typing import Any

from transit_operator.core.signals.statistics import binomial_tail

from .rollouts import Outcome
from .traffic import Fault, Regime

GOAL = 0.01  # of the rollouts of a good version may be rolled back
Row = dict[str, Any]


def at_most(events: int, trials: int) -> float:
    """Return the upper end of the one-sided 95 % interval of Clopper and Pearson for a rate."""
    if events >= trials:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        # P(X <= events) falls with the rate; the bound is where it is 5 %.
        if 1 - binomial_tail(events + 1, trials, middle) > 0.05:
            low = middle
        else:
            high = middle
    return high


def false_rollbacks(group: str, regime: Regime, outcome: Outcome) -> Row:
    """Return the row of one regime in which every rollback is a false one."""
    return {
        "group": group,
        "regime": regime.name,
        "rollouts": outcome.rollouts,
        "promoted": outcome.promoted,
        "waiting": sum(outcome.waiting.values()),
        "rollbacks": outcome.rollbacks,
        "rate": round(outcome.rollbacks / outcome.rollouts, 6),
        "rate_at_most": round(at_most(outcome.rollbacks, outcome.rollouts), 6),
        "by_signal": outcome.failed,
        "by_weight": outcome.failed_at,
        "evaluations": outcome.looks,
        "compared_with_operator": outcome.checked,
        "example": outcome.example,
    }


def detection(regime: Regime, fault: Fault, outcome: Outcome, interval: float) -> Row:
    """Return the row of one fault: requests and time from its beginning to the rollback."""
    row: Row = {
        "fault": fault.name,
        "regime": regime.name,
        "at": "100 %" if fault.after else "10 %",
        "rollouts": outcome.rollouts,
        "caught": outcome.rollbacks,
        "by_signal": outcome.failed,
        "by_weight": outcome.failed_at,
        "example": outcome.example,
    }
    for name, values, factor in (
        ("requests", outcome.requests, 1.0),
        ("seconds", outcome.evaluations, interval),
    ):
        row[f"{name}_median"] = statistics.median(values) * factor if values else None
        row[f"{name}_p95"] = percentile(values, 95) * factor if values else None
    return row


def percentile(values: Sequence[int], percent: int) -> float:
    """Return the smallest value that so many percent of the values don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def table(rows: Sequence[Row]) -> str:
    """Return the rows of one kind as a table in Markdown."""
    lines = [_CAUGHT if "fault" in rows[0] else _TURNED_BACK]
    lines += [_line(row) for row in rows]
    return "\n".join(lines)


_TURNED_BACK = (
    "| traffic, the same for both | rollouts | rolled back | at most (95 %) | by |\n"
    "|---|---|---|---|---|"
)
_CAUGHT = (
    "| fault | traffic, since | caught | requests: median, 95 % | time: median, 95 % | by |\n"
    "|---|---|---|---|---|---|"
)


def _line(row: Row) -> str:
    signals = ", ".join(f"{name} {count}" for name, count in sorted(row["by_signal"].items()))
    if "fault" not in row:
        waiting = f", {row['waiting']} still waiting" if row["waiting"] else ""
        return (
            f"| {row['regime']} | {row['rollouts']}{waiting} | {row['rollbacks']}"
            f" ({row['rate']:.2%}) | {row['rate_at_most']:.2%} | {signals} |"
        )
    share = f"{row['caught']} of {row['rollouts']}"
    if not row["caught"]:
        return f"| {row['fault']} | {row['regime']}, {row['at']} | {share} | | | |"
    return (
        f"| {row['fault']} | {row['regime']}, {row['at']} | {share}"
        f" | {row['requests_median']:.0f}, {row['requests_p95']:.0f}"
        f" | {row['seconds_median']:.0f} s, {row['seconds_p95']:.0f} s | {signals} |"
    )
