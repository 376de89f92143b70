"""The command line: `python -m dev.suite [NAME…]`; without a name, all that `make test` runs.

Every suite is run, whatever failed before it; the table at the end says how long each took and
whether it computed or waited. One after the other, but for those that compute beside ones that
wait: what they say is shown at the end.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cluster.ui import say

from . import changed
from .suites import SUITES, Suite

NOTHING_SELECTED = 5  # pytest's exit code
NICE = 10
LOGS = changed.REPOSITORY / "build" / "test"
_COUNTED = re.compile(r"(\d+) (passed|failed|errors?|skipped)")


@dataclass(frozen=True)
class Ran:
    """How one suite went. `busy` is of the whole machine, the cluster included, in seconds.

    What was run beside it is part of that, and has no figure of its own.
    """

    suite: Suite
    code: int
    wall: float
    busy: float | None
    said: str

    @property
    def well(self) -> bool:
        """Whether nothing failed."""
        return self.code in (0, NOTHING_SELECTED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run suites; 1 if a test failed."""
    names = [suite.name for suite in SUITES]
    lines = [f"  {suite.name:11} {suite.what}" for suite in SUITES]
    parser = argparse.ArgumentParser(
        prog="python -m dev.suite",
        description="Run test suites and say how long they took.\n\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: those of `make test`")
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
    started = time.monotonic()
    ran = list(_run_all(plan))
    _say_table(ran, time.monotonic() - started)
    return 0 if all(one.well for one in ran) else 1


def _run_all(plan: dict[Suite, tuple[str, ...]]) -> Iterator[Ran]:
    """Run the suites of a plan one after the other, and beside them those that begin with one."""
    planned = {suite.name for suite in plan}
    beside: list[Beside] = []
    try:
        for suite, files in plan.items():
            if suite.beside in planned:
                continue
            beside += [Beside(one, plan[one]) for one in plan if one.beside == suite.name]
            yield _run(suite, files)
        yield from (one.ended() for one in beside)
    finally:
        for one in beside:
            one.stop()


def _start(suite: Suite, files: tuple[str, ...], **options: Any) -> subprocess.Popen[str]:
    LOGS.mkdir(parents=True, exist_ok=True)
    command = [*suite.command(sys.executable, files), "--durations=15", "--durations-min=2"]
    return subprocess.Popen(
        command, cwd=changed.REPOSITORY, stderr=subprocess.STDOUT, text=True, **options
    )


def _log(suite: Suite) -> Path:
    return LOGS / f"{suite.name}.log"


def _run(suite: Suite, files: tuple[str, ...]) -> Ran:
    """Run one suite; what it prints goes to the terminal and into build/test/NAME.log."""
    say(f"\n--- {suite.name}: {suite.what}")
    started, busy = time.monotonic(), _busy()
    process = _start(suite, files, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with _log(suite).open("w") as log:
        for line in process.stdout:
            log.write(line)
            sys.stdout.write(line)
            sys.stdout.flush()
    code = process.wait()
    return Ran(suite, code, time.monotonic() - started, _busy() - busy, _counted(suite, code))


class Beside:
    """A suite that computes while another one waits, at a lower priority than that one."""

    def __init__(self, suite: Suite, files: tuple[str, ...]) -> None:
        self.suite = suite
        say(f"\n--- {suite.name}: {suite.what}\n    beside the next; {_log(suite)}")
        self._started = time.monotonic()
        LOGS.mkdir(parents=True, exist_ok=True)
        with _log(suite).open("w") as log:
            self._process = _start(suite, files, stdout=log, preexec_fn=lambda: os.nice(NICE))

    def ended(self) -> Ran:
        """Wait for its end and show what it said."""
        code = self._process.wait()
        # up to its last line, not to this look at it
        wall = _log(self.suite).stat().st_mtime - (time.time() - time.monotonic() + self._started)
        say(f"\n--- {self.suite.name}: {self.suite.what}")
        sys.stdout.write(_log(self.suite).read_text())
        return Ran(self.suite, code, wall, None, _counted(self.suite, code))

    def stop(self) -> None:
        """End it, where the other one was broken off."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


def _counted(suite: Suite, code: int) -> str:
    """Return what pytest counted, by the last line of a log that counts."""
    lines = [line for line in _log(suite).read_text().splitlines() if _COUNTED.search(line)]
    said = ", ".join(" ".join(found) for found in _COUNTED.findall(lines[-1] if lines else ""))
    return said or f"exit code {code}"


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


def _say_table(ran: Sequence[Ran], wall: float) -> None:
    say(f"\n{'suite':11} {'wall':>7} {'busy':>7} {'of all cores':>13}  result")
    cores = os.cpu_count() or 1
    for one in ran:
        spent = f"{'':>7} {f'in {one.suite.beside}':>13}"
        if one.busy is not None:
            spent = f"{_clock(one.busy):>7} {one.busy / (one.wall * cores):>13.0%}"
        mark = "" if one.well else "  FAILED"
        say(f"{one.suite.name:11} {_clock(one.wall):>7} {spent}  {one.said}{mark}")
    say(f"{'together':11} {_clock(wall):>7}")


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


if __name__ == "__main__":
    sys.exit(main())
