"""The command: simulates regime after regime, shows how far it is, prints tables, writes JSON."""

import argparse
import datetime
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from transit_operator.api.duration import seconds
from transit_operator.api.rollout import Rollout
from transit_operator.core.signals.evidence import PLENTY

from . import regimes
from .report import GOAL, Row, detection, false_rollbacks, table
from .rollouts import simulate
from .traffic import Fault, Regime

RESULTS = Path(__file__).resolve().parents[1] / "results" / "simulation.json"

DESCRIPTION = """\
Simulate rollouts with the default steps and analysis, and the operator's own rules:
  good    versions identical to stable, under several loads: how many are rolled back
  limits  the same where the rules can't do better; see docs/concepts/statistics.md for what to set
  faults  bad versions: after how many requests, and how long, they are rolled back

A rollout is 30 min at 10 %, 30 min at 50 %, 24 h at 100 %, evaluated every 15 s. Traffic is made up
(Poisson arrivals); buckets, quantiles and increases are those of the server and of Prometheus.
Every Fail, and a sample of the other evaluations, is compared with the operator's own `judge`.
"""
EPILOG = """\
examples:
  python -m benchmarks.simulation --quick            a tenth of the rollouts, nothing written
  python -m benchmarks.simulation --only "two speeds"
"""


@dataclass(frozen=True)
class Task:
    """One regime, to be simulated in a process of its own."""

    group: str
    regime: Regime
    fault: Fault | None
    rollouts: int
    seed: int

    @property
    def name(self) -> str:
        return f"{self.fault.name}: {self.regime.name}" if self.fault else self.regime.name


def tasks(rollouts: int, seed: int) -> list[Task]:
    """Return all that is to be simulated; `rollouts` is how many of a good version."""
    half, quarter = max(1, rollouts // 2), max(1, rollouts // 4)
    late = 3 * 3600.0  # in the last step, with a window full of good answers
    found = [Task("good", r, None, rollouts, seed) for r in regimes.good_versions()]
    found += [Task("good", r, None, half, seed) for r in regimes.OTHERS]
    found += [Task("limits", r, None, quarter, seed) for r in regimes.LIMITS]
    found += [Task("faults", r, f, half, seed) for f in regimes.FAULTS for r in regimes.DETECTED_IN]
    found += [
        Task("faults", regimes.DETECTED_IN[1], replace(f, after=late), half, seed)
        for f in regimes.FAULTS
    ]
    return found


def run(task: Task, show: bool = False) -> Row:
    """Simulate one task and return its row."""
    interval = seconds(Rollout().analysis.interval)

    def progress(done: float) -> None:
        print(f"\r  {task.name}: {done:.0%} of the time   ", end="", file=sys.stderr, flush=True)

    told: Callable[[float], None] = progress if show else (lambda done: None)
    if task.fault is None:
        outcome = simulate(task.regime, task.rollouts, task.seed, progress=told)
        return false_rollbacks(task.group, task.regime, outcome)
    outcome = simulate(
        task.regime,
        task.rollouts,
        task.seed,
        fault=task.fault,
        limit=task.fault.after + 7200,
        progress=told,
    )
    return detection(task.regime, task.fault, outcome, interval)


def run_all(todo: Sequence[Task], jobs: int) -> dict[str, list[Row]]:
    """Return group → rows, saying on standard error what is done."""
    rows: dict[str, list[Row]] = {}
    start = time.monotonic()
    show = jobs == 1 and sys.stderr.isatty()
    with ProcessPoolExecutor(jobs) as pool:
        done = pool.map(run, todo) if jobs > 1 else (run(task, show) for task in todo)
        for number, (task, row) in enumerate(zip(todo, done, strict=True), start=1):
            rows.setdefault(task.group, []).append(row)
            said = row.get("rollbacks", row.get("caught"))
            print(
                f"\r{number:3} of {len(todo)}, {time.monotonic() - start:4.0f} s: {task.name}:"
                f" {said} of {task.rollouts} rolled back",
                file=sys.stderr,
                flush=True,
            )
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 if a good version is rolled back more often than the goal allows."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.simulation",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rollouts", type=int, default=2000, help="per good version (2000)")
    parser.add_argument("--quick", action="store_true", help="200 rollouts, and write nothing")
    parser.add_argument("--only", default="", metavar="TEXT", help="regimes whose name has it")
    parser.add_argument("--jobs", type=int, default=1, choices=(1, 2), help="processes (1)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (1)")
    parser.add_argument("--output", type=Path, default=RESULTS, help=f"JSON ({RESULTS.name})")
    args = parser.parse_args(argv)

    rollouts = 200 if args.quick else args.rollouts
    todo = [task for task in tasks(rollouts, args.seed) if args.only in task.name]
    if not todo:
        parser.error(
            f"no regime has {args.only!r} in its name; see benchmarks/simulation/regimes.py"
        )
    rows = run_all(todo, args.jobs)
    for group, found in rows.items():
        print(f"\n{group}\n\n{table(found)}")

    good = rows.get("good", [])
    missed = [row["regime"] for row in good if row["rate"] >= GOAL]
    if good:
        print(f"\ngoal: under {GOAL:.0%} of each good version's rollouts: ", end="")
        print("missed in " + "; ".join(missed) if missed else f"met in all {len(good)}")
    if not args.quick and not args.only:
        result = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "seed": args.seed,
            "rollouts": rollouts,
            "goal": GOAL,
            "plenty": PLENTY,
            "rollout": Rollout().model_dump(mode="json", by_alias=True, exclude_none=True),
            **rows,
        }
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        print(f"written: {args.output}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
