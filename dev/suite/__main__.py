"""The command line: `python -m dev.suite [NAME…]`; without a name, all that `make test` runs.

Every suite is run, whatever failed before it; the table at the end says how long each took and
whether it computed or waited.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.ui import say

from . import changed
from .suites import SUITES, Suite

NOTHING_SELECTED = 5  # pytest's exit code
LOGS = changed.REPOSITORY / "build" / "test"
_COUNTED = re.compile(r"(\d+) (passed|failed|errors?|skipped)")


@dataclass(frozen=True)
class Ran:
    """How one suite went. `busy` is of the whole machine, the cluster included, in seconds."""

    suite: Suite
    code: int
    wall: float
    busy: float
    said: str

    @property
    def well(self) -> bool:
        """Whether nothing failed."""
        return self.code in (0, NOTHING_SELECTED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run suites one after the other; 1 if a test failed."""
    names = [suite.name for suite in SUITES]
    lines = [f"  {suite.name:11} {suite.what}" for suite in SUITES]
    parser = argparse.ArgumentParser(
        prog="python -m dev.suite",
        description="Run test suites and say how long they took.\n\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all but gitops")
    parser.add_argument(
        "--changed",
        nargs="?",
        const="HEAD",
        metavar="COMMIT",
        help="only the tests that what differs from COMMIT (default: HEAD) can reach",
    )
    parser.add_argument("--plan", action="store_true", help="only say what would be run")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(names):
        parser.error(f"no suite is named {', '.join(sorted(unknown))}; they are {', '.join(names)}")
    chosen = [suite for suite in SUITES if suite.name in options.names or not suite.by_name]
    plan: dict[Suite, tuple[str, ...]] = dict.fromkeys(chosen, ())
    if options.changed:
        plan = changed.reached(changed.changed_files(options.changed))
    if options.names:
        plan = {suite: files for suite, files in plan.items() if suite.name in options.names}
    if options.plan or not plan:
        _say_plan(plan)
        return 0
    if any(suite.cluster for suite in plan) and options.changed:
        subprocess.run(["make", "images", "models"], cwd=changed.REPOSITORY, check=True)
    ran = [_run(suite, files) for suite, files in plan.items()]
    _say_table(ran)
    return 0 if all(one.well for one in ran) else 1


def _run(suite: Suite, files: tuple[str, ...]) -> Ran:
    """Run one suite; what it prints goes to the terminal and into build/test/NAME.log."""
    say(f"\n--- {suite.name}: {suite.what}")
    LOGS.mkdir(parents=True, exist_ok=True)
    command = [*suite.command(sys.executable, files), "--durations=15", "--durations-min=2"]
    started, busy = time.monotonic(), _busy()
    said = ""
    with (LOGS / f"{suite.name}.log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=changed.REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            sys.stdout.write(line)
            sys.stdout.flush()
            said = line if _COUNTED.search(line) else said
        code = process.wait()
    counted = ", ".join(" ".join(found) for found in _COUNTED.findall(said)) or f"exit code {code}"
    return Ran(suite, code, time.monotonic() - started, _busy() - busy, counted)


def _busy() -> float:
    """Return the seconds of processor that this machine has used since its start."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _, _, irq, softirq = map(int, fields[:7])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _say_plan(plan: dict[Suite, tuple[str, ...]]) -> None:
    if not plan:
        say("The change reaches no test.")
    for suite, files in plan.items():
        say(f"{suite.name:11} {' '.join(files) or 'all of it'}")


def _say_table(ran: Sequence[Ran]) -> None:
    say(f"\n{'suite':11} {'wall':>7} {'busy':>7} {'of all cores':>13}  result")
    cores = os.cpu_count() or 1
    for one in ran:
        share = one.busy / (one.wall * cores)
        mark = "" if one.well else "  FAILED"
        say(
            f"{one.suite.name:11} {_clock(one.wall):>7} {_clock(one.busy):>7} {share:>12.0%}"
            f"  {one.said}{mark}"
        )
    say(f"{'together':11} {_clock(sum(one.wall for one in ran)):>7}")


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


if __name__ == "__main__":
    sys.exit(main())
