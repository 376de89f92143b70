"""The results as a table for people."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.neighbour.counted import Counted
from benchmarks.neighbour.quiet import Seen

_P99_TIMES = 5
_MOST_ERRORS, _MOST_TIMES = 0.05, 2.0


@dataclass(frozen=True, slots=True)
class Result:
    """Of one server: what both clients saw, and what its metrics counted while both asked."""

    server: str
    alone: Seen
    beside: Seen
    noisy: dict[str, int]
    counted: Counted | None


def table(results: Sequence[Result]) -> str:
    """Markdown: what the quiet client saw, then what was counted, then what the noisy one got."""
    columns = (
        "alone: p50 ms | p99 ms | beside: p50 ms | p99 ms | worst ms | p99 times alone | failed"
    )
    lines = [f"| Server | {columns} |", "|---|---:|---:|---:|---:|---:|---:|---:|"]
    for one in results:
        alone, beside = one.alone, one.beside
        failed = ", ".join(f"{count} {what}" for what, count in beside.failed.items()) or "0"
        lines.append(
            f"| {one.server} | {alone.p50_ms:.2f} | {alone.p99_ms:.2f} | {beside.p50_ms:.2f} "
            f"| {beside.p99_ms:.2f} | {beside.worst_ms:.2f} "
            f"| {beside.p99_ms / alone.p99_ms:.1f} | {failed} of {beside.requests} |"
        )
    for one in results:
        if one.counted is not None:
            client = sum(one.beside.failed.values()) / max(1, one.beside.requests)
            lines += [
                "",
                f"{one.server}, beside: error rate {one.counted.error_rate:.2%} by /metrics, "
                f"{client:.2%} as the quiet client saw it; p95 "
                f"{one.counted.quantile_ms(0.95):.2f} ms by /metrics, {one.beside.p95_ms:.2f} ms "
                "as it saw it",
                "",
                *(f"- {what}: {'met' if met else '**not met**'}" for what, met in goals(one)),
            ]
    for one in results:
        said = ", ".join(f"{count} {what}" for what, count in sorted(one.noisy.items()))
        lines += ["", f"{one.server} answered the noisy client: {said}"]
    return "\n".join(lines)


def goals(one: Result) -> list[tuple[str, bool]]:
    """What is aimed at for this server, and whether this run met it. A verdict is swayed by what is
    beyond the limits that a rollout has by default.
    """
    alone, beside, counted = one.alone, one.beside, one.counted
    found = [
        (
            f"p99 beside under {_P99_TIMES} times that alone",
            beside.p99_ms < _P99_TIMES * alone.p99_ms,
        ),
        ("no request of the quiet client fails", not beside.failed),
    ]
    if counted is not None:
        latency = counted.quantile_ms(0.95)
        found += [
            (f"error rate by /metrics under {_MOST_ERRORS:.0%}", counted.error_rate < _MOST_ERRORS),
            (
                f"p95 by /metrics under {_MOST_TIMES:g} times what the quiet client saw",
                latency < _MOST_TIMES * beside.p95_ms,
            ),
        ]
    return found
