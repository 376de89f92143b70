"""What this server aims at beside peers that run the same compiled model, held against one run.

Triton is its Python backend, as its wheel brings it: its own ONNX Runtime backend is in no wheel.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from benchmarks.server.figures.rows import Row

_LOADS = (16, 64)  # connections
_PREDICT, _JSON, _BINARY = "transit", "transit-v2", "transit-v2-binary"
_TRITON, _TRITON_BINARY = "triton-batching", "triton-batching-binary"
_MOSEC = ("mosec", "mosec-batching")


@dataclass(frozen=True, slots=True)
class Goal:
    """`value` has to be at least `bound`, or at most if it is `at_most`."""

    what: str
    value: float
    bound: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "value": round(self.value, 3), "met": self.met}


# Ours, theirs (of several the best), and times the requests per second that ours should have.
_RATES = (
    (_JSON, (_TRITON,), 1.0),
    (_BINARY, (_TRITON_BINARY,), 0.9),
    (_PREDICT, (_TRITON,), 1.2),
    (_PREDICT, _MOSEC, 1.0),
)
# The same, of whom ours should be no slower at one connection.
_LATENCIES = (
    (_JSON, ("triton", _TRITON)),
    (_BINARY, ("triton-binary", _TRITON_BINARY)),
    (_PREDICT, _MOSEC),
)
_PREDICT_CPU_MS = 0.18
_JSON_OVER_PREDICT = 1.15


def goals(rows: Sequence[Row]) -> list[Goal]:
    """Those for which there are figures."""
    return [
        goal
        for model in dict.fromkeys(row.model for row in rows)
        for goal in _of([row for row in rows if row.model == model and not row.failed])
    ]


def _of(rows: Sequence[Row]) -> Iterator[Goal]:
    by = {(row.server, row.connections): row for row in rows}

    def best(names: Sequence[str], connections: int, key: Callable[[Row], float]) -> Row | None:
        found = [by[name, connections] for name in names if (name, connections) in by]
        return max(found, key=key, default=None)

    for connections in _LOADS:
        at = f"at {connections} connections"
        for name, peers, bound in _RATES:
            mine, theirs = by.get((name, connections)), best(peers, connections, lambda r: r.rps)
            if mine and theirs:
                what = f"{mine.model}: rps of {name} over {theirs.server}, {at}"
                yield Goal(what, mine.rps / theirs.rps, bound)
        predict, json = by.get((_PREDICT, connections)), by.get((_JSON, connections))
        if predict:
            what = f"{predict.model}: CPU of a request by {_PREDICT}, ms, {at}"
            yield Goal(what, predict.cpu_ms, _PREDICT_CPU_MS, at_most=True)
        if predict and json:
            what = f"{predict.model}: CPU of {_JSON} over {_PREDICT}, {at}"
            yield Goal(what, json.cpu_ms / predict.cpu_ms, _JSON_OVER_PREDICT, at_most=True)
    for name, peers in _LATENCIES:
        mine, theirs = by.get((name, 1)), best(peers, 1, lambda row: -row.p50_ms)
        if mine and theirs:
            what = f"{mine.model}: p50 of {name} over {theirs.server}, at one connection"
            yield Goal(what, mine.p50_ms / theirs.p50_ms, 1.0, at_most=True)


def table(found: Sequence[Goal]) -> str:
    """Markdown: what, seen, goal, met or not."""
    lines = ["| | seen | goal | |", "|---|---:|---:|---|"]
    for goal in found:
        bound = f"{'≤' if goal.at_most else '≥'} {goal.bound:g}"
        met = "met" if goal.met else "**not met**"
        lines.append(f"| {goal.what} | {goal.value:.2f} | {bound} | {met} |")
    return "\n".join(lines)
