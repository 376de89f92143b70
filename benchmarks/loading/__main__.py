"""Loading time and memory of this tree and of another commit, measured in turn.

    python -m benchmarks.loading --against HEAD~20
    python -m benchmarks.loading --against main~1 --models keras,xgboost-json --rounds 9

Each load is by a server process of its own. The machine's speed changes with the minute, so only
what was measured side by side is compared: each round has both, and its ratios are theirs. Printed
as a table, and written to `benchmarks/results/loading.json`.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from benchmarks import checkout
from benchmarks.loading import models
from benchmarks.loading.load import Load, NotServed, load
from benchmarks.server import command
from benchmarks.server.__main__ import RESULTS
from benchmarks.server.figures.rows import machine
from benchmarks.server.servers.contestant import MODELS, QUIET
from benchmarks.server.servers.running import own_python

_SLACK = 1.02  # less than that is not told from noise in memory


@dataclass(frozen=True, slots=True)
class Row:
    """Both trees with one model: medians, and the quartiles of the rounds' ratios, after/before.
    What one of them refuses has a reason and no figures.
    """

    model: str
    before: dict[str, float | str] | None
    after: dict[str, float | str] | None
    time: tuple[float, float, float] | None = None
    processor: tuple[float, float, float] | None = None
    memory: tuple[float, float, float] | None = None
    refused: str = ""

    @property
    def verdict(self) -> str:
        if self.processor is None or self.memory is None:
            return self.refused
        slower, larger = self.processor[0] > 1.0, self.memory[0] > _SLACK
        return " and ".join(
            [
                "slower" if slower else "faster" if self.processor[2] < 1.0 else "as fast",
                *(["larger"] if larger else ["smaller"] if self.memory[2] < 1 / _SLACK else []),
            ]
        )

    @property
    def line(self) -> str:
        if self.before is None or self.after is None:
            return f"| {self.model} |  |  |  |  |  | {self.verdict} |"
        times = f"{self.before['load_s']:.2f} → {self.after['load_s']:.2f}"
        used = f"{self.before['cpu_s']:.2f} → {self.after['cpu_s']:.2f}"
        sizes = f"{self.before['server_mb']:.0f} → {self.after['server_mb']:.0f}"
        largest = f"{self.before['largest_mb']:.0f} → {self.after['largest_mb']:.0f}"
        return (
            f"| {self.model} ({self.after['engine']}) | {times}, {_shown(self.time)} "
            f"| {used}, {_shown(self.processor)} | {sizes}, {_shown(self.memory)} | {largest} "
            f"| {self.verdict} |"
        )


_HEAD = (
    "| | loads in, s: before → after, ratio | processor, s | server at most, MB "
    "| largest process, MB | |\n|---|---|---|---|---|---|"
)


def main() -> int:
    """Measure, print, write. 1: something is slower or larger than it was."""
    options = _options()
    load_before = os.getloadavg()[0]
    print(_HEAD, flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-loading-") as scratch:
        work = Path(scratch)
        before = checkout.tree(options.against, work / "before")
        rows = []
        for row in _rows(before, options, work):
            print(row.line, flush=True)
            rows.append(row)
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commits": {
            "before": checkout.name(options.against),
            "after": f"{checkout.name(None)}, on {checkout.name('HEAD')}",
        },
        "machine": machine(),
        "load_average": {"before": round(load_before, 2), "after": round(os.getloadavg()[0], 2)},
        "rounds": options.rounds,
        "rows": [{**asdict(row), "verdict": row.verdict} for row in rows],
    }
    print(f"load average {load_before:.2f} before, {os.getloadavg()[0]:.2f} at the end")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "loading.json").write_text(json.dumps(result, indent=1) + "\n")
    return int(any("slower" in row.verdict or "larger" in row.verdict for row in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.loading",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = [*(one.name for one in MODELS), *models.NAMES]
    parser.add_argument("--against", required=True, metavar="COMMIT", help="what it was before")
    parser.add_argument("--models", type=command.some_of(known), default=known,
                        help=f"of {', '.join(known)}")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, help="with both in each (5)")
    parser.add_argument("--store", type=Path, default=checkout.ROOT / "build" / "models",
                        help="with the examples")  # fmt: skip
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    return parser.parse_args()


def _rows(before: Path, options: argparse.Namespace, work: Path) -> Iterator[Row]:
    examples = {one.name: one for one in MODELS}
    making = [str(own_python()), "-m", "benchmarks.loading.models", str(work)]
    making += [name for name in options.models if name not in examples]
    subprocess.run(making, check=True, cwd=checkout.ROOT, env={**os.environ, **QUIET})
    for name in options.models:
        example = examples.get(name)
        store = work / "store" if example is None else options.store
        version = models.VERSION if example is None else example.version
        yield _row(name, store, version, before, options.rounds, work)


def _row(name: str, store: Path, version: str, before: Path, rounds: int, work: Path) -> Row:
    trees = {"before": before, "after": checkout.ROOT}
    seen: dict[str, list[Load]] = {side: [] for side in trees}
    for number in range(rounds):
        sides = list(trees) if number % 2 == 0 else list(trees)[::-1]
        for side in sides:
            with tempfile.TemporaryDirectory(dir=work) as folder:
                try:
                    seen[side].append(load(trees[side], store, name, version, Path(folder)))
                except NotServed as why:
                    return Row(name, None, None, refused=f"not served {side}: {why}")
    return compared(name, seen["before"], seen["after"])


def compared(name: str, before: Sequence[Load], after: Sequence[Load]) -> Row:
    """What the rounds of both say, of which each pair was measured side by side."""
    pairs = list(zip(before, after, strict=True))
    return Row(
        name,
        _medians(before),
        _medians(after),
        time=_quartiles([b.load_s / a.load_s for a, b in pairs]),
        processor=_quartiles([b.cpu_s / a.cpu_s for a, b in pairs]),
        memory=_quartiles([b.server_mb / a.server_mb for a, b in pairs]),
    )


def _medians(loads: Sequence[Load]) -> dict[str, float | str]:
    figures = ("load_s", "ready_s", "cpu_s", "server_mb", "largest_mb")
    found: dict[str, float | str] = {
        figure: round(median(getattr(one, figure) for one in loads), 3) for figure in figures
    }
    return {**found, "engine": loads[-1].engine}


def _quartiles(ratios: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = quantiles(ratios, n=4) if len(ratios) > 1 else 3 * list(ratios)
    return round(low, 3), round(middle, 3), round(high, 3)


def _shown(ratios: tuple[float, float, float] | None) -> str:
    assert ratios is not None
    low, middle, high = ratios
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    command.run(main)
