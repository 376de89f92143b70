"""This server of two commits, measured in turn: is the second slower than the first?

    python -m benchmarks.server.commits main~1 main
    python -m benchmarks.server.commits HEAD          # against this tree as it is

The machine's speed changes with the minute, so only what was measured side by side is compared:
each round has both, and its ratio is theirs. Printed as a table, and written to
`benchmarks/results/server-commits.json`. Both need the packages that are installed here.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from statistics import median, quantiles

from benchmarks import checkout
from benchmarks.server import command
from benchmarks.server.__main__ import RESULTS, must_agree, row_bodies
from benchmarks.server.figures.rounds import interleaved
from benchmarks.server.figures.rows import Round, machine
from benchmarks.server.servers import environments
from benchmarks.server.servers.contestant import MODELS, Contestant, Model, Place
from benchmarks.server.servers.contestants import CONTESTANTS
from benchmarks.server.servers.running import ROOT, Running, free_ports, own_python

_OWN = [one for one in CONTESTANTS if one.kind == "own"]
_BEFORE, _AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class Compared:
    """Both commits under one load: medians, and the quartiles of the rounds' ratios."""

    model: str
    route: str
    connections: int
    before_rps: float
    after_rps: float
    before_p50_ms: float
    after_p50_ms: float
    before_cpu_ms: float
    after_cpu_ms: float
    ratios: tuple[float, float, float]
    failed: int

    @property
    def verdict(self) -> str:
        low, _, high = self.ratios
        if self.failed:
            return f"{self.failed} failed"
        return "slower" if high < 1.0 else "faster" if low > 1.0 else "no difference seen"

    @property
    def line(self) -> str:
        low, middle, high = self.ratios
        return (
            f"| {self.model}: {self.route}, {self.connections} connections "
            f"| {self.before_rps:,.0f} | {self.after_rps:,.0f} "
            f"| {middle:.2f} ({low:.2f} to {high:.2f}) "
            f"| {self.before_p50_ms:.2f} | {self.after_p50_ms:.2f} "
            f"| {self.before_cpu_ms:.3f} | {self.after_cpu_ms:.3f} | {self.verdict} |"
        )


HEAD = (
    "| | rps before | after | ratio of rounds: median (quartiles) | p50 before, ms | after "
    "| CPU before, ms | after | |\n|---|---:|---:|---:|---:|---:|---:|---:|---|"
)


def main() -> int:
    """Measure, print, write. 1: something is slower, or failed."""
    options = _options()
    environments.wrk()
    load_before = os.getloadavg()[0]
    models = [one for one in MODELS if not options.models or one.kind in options.models]
    with tempfile.TemporaryDirectory(prefix="bench-commits-") as scratch:
        work = Path(scratch)
        trees = {
            _BEFORE: checkout.tree(options.before, work / _BEFORE),
            _AFTER: checkout.tree(options.after, work / _AFTER) if options.after else ROOT,
        }
        print(HEAD, flush=True)
        found = []
        for model, route in product(models, options.routes):
            for one in _compared(model, route, trees, work, options):
                print(one.line, flush=True)
                found.append(one)
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commits": {_BEFORE: checkout.name(options.before), _AFTER: checkout.name(options.after)},
        "machine": machine(),
        "load_average": {"before": round(load_before, 2), "after": round(os.getloadavg()[0], 2)},
        "seconds": options.seconds,
        "rounds": options.rounds,
        "rows": [{**asdict(one), "verdict": one.verdict} for one in found],
    }
    print(f"load average {load_before:.2f} before, {os.getloadavg()[0]:.2f} at the end")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "server-commits.json").write_text(json.dumps(result, indent=1) + "\n")
    return int(any(one.failed or one.verdict == "slower" for one in found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.server.commits",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds, routes = [one.kind for one in MODELS], [one.name for one in _OWN]
    parser.add_argument("before", help="a commit")
    parser.add_argument("after", nargs="?", help="a commit; without it, this tree as it is")
    parser.add_argument("--models", type=command.some_of(kinds), help=f"of {', '.join(kinds)}")
    parser.add_argument(
        "--routes",
        type=command.some_of(routes),
        default=routes,
        help=f"of {', '.join(routes)}",
    )
    parser.add_argument("--connections", type=command.numbers, default=[1, 16, 64])
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement (2)")
    parser.add_argument("--rounds", type=int, default=9, help="with both in each (9)")
    parser.add_argument("--store", type=Path, default=ROOT / "build" / "models")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    return parser.parse_args()


def _compared(
    model: Model, route: str, trees: dict[str, Path], work: Path, options: argparse.Namespace
) -> Iterator[Compared]:
    rows = row_bodies(model, options.store)
    contestant = next(one for one in _OWN if one.name == route)
    with ExitStack() as stack, tempfile.TemporaryDirectory(dir=work) as scratch:
        running = []
        for name, tree in trees.items():
            folder = Path(scratch) / name
            folder.mkdir()
            place = Place(free_ports(3), folder, options.store, model, None)
            server = Running(_of(contestant, name, tree), own_python(), place)
            stack.callback(server.stop)
            server.start()
            server.until_answers(rows[0])
            running.append(server)
        for row in rows:
            must_agree(model.kind, {one.contestant.name: one.ask(row) for one in running})
        for connections in options.connections:
            seen = interleaved(running, rows, connections, options.seconds, options.rounds)
            yield compared(model.kind, route, connections, seen[_BEFORE], seen[_AFTER])


def _of(contestant: Contestant, name: str, tree: Path) -> Contestant:
    """The same by the code of `tree`."""
    path = checkout.python_path(tree)
    return replace(
        contestant,
        name=name,
        variables=lambda place: {**contestant.variables(place), "PYTHONPATH": path},
    )


def compared(
    model: str, route: str, connections: int, before: Sequence[Round], after: Sequence[Round]
) -> Compared:
    """What the rounds of both say, of which each pair was measured side by side."""
    ratios = [b.load.rps / a.load.rps for a, b in zip(before, after, strict=True)]
    low, middle, high = quantiles(ratios, n=4) if len(ratios) > 1 else 3 * ratios

    return Compared(
        model=model,
        route=route,
        connections=connections,
        before_rps=round(median(one.load.rps for one in before), 1),
        after_rps=round(median(one.load.rps for one in after), 1),
        before_p50_ms=median(one.load.p50_ms for one in before),
        after_p50_ms=median(one.load.p50_ms for one in after),
        before_cpu_ms=_cpu_ms(before),
        after_cpu_ms=_cpu_ms(after),
        ratios=(round(low, 3), round(middle, 3), round(high, 3)),
        failed=sum(one.load.failed for one in (*before, *after)),
    )


def _cpu_ms(rounds: Sequence[Round]) -> float:
    requests = max(1, sum(one.load.requests for one in rounds))
    return round(sum(one.cpu_seconds for one in rounds) / requests * 1e3, 4)


if __name__ == "__main__":
    command.run(main)
