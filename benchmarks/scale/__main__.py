"""The command: builds the plane, then for each N creates, restarts, measures, and writes JSON."""

import argparse
import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dev.cluster import paths
from dev.cluster.ui import Note, StepFailed, explain, say, step
from transit_operator.runtime.writing.events import RECENT_SECONDS

from . import meters, plane
from .fleet import CANDIDATE, STABLE, Fleet
from .report import table

RESULTS = paths.REPOSITORY / "benchmarks" / "results" / "scale.json"
ROLLOUTS = 200
SCRAPE_SECONDS = 10
TICK = 15.0  # the analysis interval of every ModelDeployment here
SETTLED = "Stable"
_OF_CANDIDATE = '{model_deployment="{{namespace}}/{{name}}",revision="{{candidate}}"}'
CUSTOM = (
    f"sum(rate(predictions_total{_OF_CANDIDATE}[1m]))",
    f"sum(rate(prediction_latency_seconds_count{_OF_CANDIDATE}[1m]))",
)

DESCRIPTION = f"""\
Measure the operator with N settled ModelDeployments, and with rollouts under way besides.

Starts a control plane of its own (etcd, API server, controller manager, scheduler, KWOK nodes,
Prometheus) on free loopback ports in a temporary folder; the development cluster is neither needed
nor touched. All of it is gone at the end, also after Ctrl-C. Programs that are missing are built
first. The machine should have nothing else to do.

For each N:
  create     make the ModelDeployments that are missing; wait until all are {SETTLED}
  sync       start the operator anew: time until it has looked at each one, and its memory
  change     change the replicas of one after the other: time until the operator's first write
  idle       change nothing: requests, writes, changed objects, Prometheus queries
  rollouts   {ROLLOUTS} rollouts (at most half of N), evaluated every {TICK:.0f} s: the same again
  custom     as many rollouts with two custom queries each: the same again, and none without data

The API server's audit log counts the requests, Prometheus itself the queries.
Progress is printed; results go to {RESULTS.relative_to(paths.REPOSITORY)}.
"""


async def measure(options: argparse.Namespace, home: plane.Plane) -> None:
    """Run everything; write one row for each N as soon as it is complete."""
    with step("API server: account and rights"):
        kubeconfig, config = home.operator_files()
    rows: list[dict[str, Any]] = []
    async with Fleet(home) as fleet:
        operator = Operator(home, kubeconfig, config, options.profile)
        made = 0
        for count in sorted(options.n):
            say(f"\nN = {count}")
            row: dict[str, Any] = {"n": count}
            row["create"] = await _create(fleet, operator, made, count)
            made = count
            with step("Wait until no Event is young enough to be told again after a restart"):
                await asyncio.sleep(RECENT_SECONDS)
            row["sync"] = await _sync(operator, count)
            await asyncio.sleep(5)  # what kopf needs for its own list of everything
            row["sync"]["memory_mb"] = operator.memory().now
            row["change"] = await _change(fleet, "Change settled ones", fleet.keys, options)
            seconds = options.idle * (2 if count == min(options.n) else 1)
            row["idle"] = await _idle(fleet, operator, home, seconds)
            row["rollouts"] = await _rollouts(fleet, operator, home, options)
            row["custom"] = await _rollouts(fleet, operator, home, options, CUSTOM)
            row["peak_memory_mb"] = operator.memory().peak
            row["load_average"] = round(os.getloadavg()[1], 1)  # of the last 5 minutes
            rows.append(row)
            _write(options.output, rows)
            say(json.dumps(row, indent=1))
        operator.stop()
    say(f"\n{table(rows)}")


class Operator:
    """The operator's process, one after the other."""

    def __init__(self, home: plane.Plane, kubeconfig: Path, config: Path, profile: bool) -> None:
        self._home = home
        self._config = config
        self._profile = ["--profile"] if profile else []
        self._env = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        self._looked = home.folder / "looked"
        self.pid = 0
        self.started = 0.0

    def restart(self, expected: int) -> None:
        """Start it anew. `expected` ModelDeployments are to be looked at."""
        self.stop()
        self._looked.unlink(missing_ok=True)
        runner = Path(__file__).with_name("run_operator.py")
        own = [str(expected), self._looked, *self._profile]
        self.started = time.time()
        self.pid = self._home.start(
            "operator", [sys.executable, runner, *own, "--", "--config", self._config], self._env
        )

    def stop(self) -> None:
        """End it."""
        self._home.end("operator")

    async def synced(self, seconds: float, note: Note) -> float:
        """Wait until it has looked at all; return the seconds that took from its start.

        Raises:
            TimeoutError: not in that many seconds.
        """
        while not self._looked.exists() or not self._looked.read_text():
            self._home.require_alive()
            since = time.time() - self.started
            if since > seconds:
                raise TimeoutError(f"not every ModelDeployment was looked at in {seconds:.0f} s")
            note(f"{self.memory().now:.0f} MB")
            await asyncio.sleep(0.1)
        return float(self._looked.read_text()) - self.started

    def memory(self) -> meters.Memory:
        """Its memory."""
        return meters.memory(self.pid)

    def cpu(self) -> float:
        """Its CPU time so far, in seconds."""
        return meters.cpu_seconds(self.pid)


async def _create(fleet: Fleet, operator: Operator, made: int, count: int) -> dict[str, Any]:
    """Make those that are missing, by an operator that runs as they come."""
    with step(f"Create {count - made} ModelDeployments and all they own") as note:
        operator.restart(count)
        started = time.time()
        making = asyncio.create_task(fleet.make(made, count))
        stable = _is_stable(STABLE)
        done = await fleet.until("are Stable", count, stable, 60 + 1.0 * count, note)
        await making
    return {
        "made": count - made,
        "seconds": round(done - started, 1),
        "peak_memory_mb": operator.memory().peak,
    }


async def _sync(operator: Operator, count: int) -> dict[str, Any]:
    with step(f"Restart the operator with {count} settled ModelDeployments") as note:
        operator.restart(count)
        seconds = await operator.synced(600, note)
        cpu = operator.cpu()
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "peak_memory_mb": operator.memory().peak,
    }


async def _change(
    fleet: Fleet, title: str, keys: Sequence[str], options: argparse.Namespace
) -> dict[str, Any]:
    """Change one after the other, evenly over time, so that ticks are met as often as they are."""
    taken: list[float] = []
    with step(title) as note:
        begin = time.monotonic()
        for number in range(options.changes):
            due = begin + number * options.spacing
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            key = keys[number * 7 % len(keys)]
            taken.append(await fleet.change_replicas(key))
            note(f"{number + 1} of {options.changes}, longest {max(taken) * 1000:.0f} ms")
    return {**meters.percentiles(taken), "seconds": round(time.monotonic() - begin, 1)}


async def _idle(
    fleet: Fleet, operator: Operator, home: plane.Plane, seconds: float
) -> dict[str, Any]:
    """Count while nothing is changed by us."""
    with step(f"Idle for {seconds:.0f} s") as note:
        await _quiet(fleet, note)
        before = await fleet.versions()
        row = await _window(operator, home, seconds, note)
        after = await fleet.versions()
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    return {**row, "objects": len(after), "changed_objects": len(changed)}


async def _quiet(fleet: Fleet, note: Note) -> None:
    """Wait until two looks 5 s apart see no difference: what was changed before has settled."""
    before = await fleet.versions()
    deadline = time.monotonic() + 120
    while True:
        note("waiting until nothing changes")
        await asyncio.sleep(5)
        after = await fleet.versions()
        if after == before:
            return
        if time.monotonic() > deadline:
            raise TimeoutError("objects still change after 120 s")
        before = after


async def _window(
    operator: Operator, home: plane.Plane, seconds: float, note: Note
) -> dict[str, Any]:
    """Requests, queries and CPU time of the operator in a stretch of time."""
    requests = meters.Requests(home.audit_log, home.operator_user)
    queries, cpu, begin = meters.queries(home.prometheus), operator.cpu(), time.monotonic()
    while (left := begin + seconds - time.monotonic()) > 0:
        home.require_alive()
        note(f"{left:.0f} s left")
        await asyncio.sleep(min(1.0, left))
    elapsed = time.monotonic() - begin
    counted = requests.count()
    asked = meters.queries(home.prometheus) - queries
    return {
        "seconds": round(elapsed, 1),
        "api_requests_per_minute": round(counted.total() * 60 / elapsed, 1),
        "api_writes": meters.writes(counted),
        "api_requests": dict(counted.most_common()),
        "prometheus_queries_per_minute": round(asked * 60 / elapsed, 1),
        "prometheus_queries_per_tick": round(asked * TICK / elapsed, 2),
        "cpu_percent": round(100 * (operator.cpu() - cpu) / elapsed, 1),
        "memory_mb": operator.memory().now,
    }


async def _rollouts(
    fleet: Fleet,
    operator: Operator,
    home: plane.Plane,
    options: argparse.Namespace,
    queries: Sequence[str] = (),
) -> dict[str, Any]:
    """The same with rollouts under way, and custom queries of each; afterwards all is as before."""
    keys = fleet.keys
    count = min(ROLLOUTS, len(keys) // 2)
    rolling, settled = keys[:count], keys[count:]
    with step(f"Start {count} rollouts") as note:
        await fleet.give_queries(rolling, queries)
        await fleet.give_version(rolling, CANDIDATE)
        await fleet.until("have a candidate", count, _has_candidate, 300, note)
        targets = [
            {"model_deployment": key, "revision": fleet.status(key)[part]["revision"]}
            for key in rolling
            for part in ("stable", "candidate")
        ]
        home.exported.write_text(json.dumps(targets))
        await fleet.until("are evaluated with data", count, _has_data, 300, note)
    row: dict[str, Any] = {"rollouts": count}
    row["change"] = await _change(fleet, "Change settled ones meanwhile", settled, options)
    with step("Rollouts for some minutes") as note:
        row.update(await _window(operator, home, options.busy, note))
    row["without_data"] = sum(_lacks_data(fleet.status(key)) for key in rolling)
    with step("Take the rollouts back") as note:
        await fleet.give_version(rolling, STABLE)
        await fleet.give_queries(rolling, ())
        await fleet.until("are Stable", len(keys), _is_stable(STABLE), 300, note)
        home.exported.write_text("[]")
    return row


def _is_stable(version: str) -> Any:
    def holds(status: dict[str, Any]) -> bool:
        models = (status.get("stable") or {}).get("models") or [{}]
        return status.get("phase") == SETTLED and models[0].get("version") == version

    return holds


def _has_candidate(status: dict[str, Any]) -> bool:
    return bool(status.get("candidate"))


def _has_data(status: dict[str, Any]) -> bool:
    return ((status.get("candidate") or {}).get("passes") or 0) > 0


def _lacks_data(status: dict[str, Any]) -> bool:
    return any(signal["verdict"] == "NoData" for signal in status.get("signals") or [])


def _write(file: Path, rows: list[dict[str, Any]]) -> None:
    result = {"versions": plane.machine_versions(), "cpus": os.cpu_count(), "rows": rows}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")


def main() -> int:
    """Parse, measure, write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--n", type=int, nargs="+", default=[100, 1000, 5000], help="default: 100 1000 5000"
    )
    parser.add_argument(
        "--quick", action="store_true", help="short windows; to see that it works, not to measure"
    )
    parser.add_argument(
        "--profile", action="store_true", help="cProfile of the last operator, as FILE.prof"
    )
    parser.add_argument(
        "--idle",
        type=float,
        default=330.0,
        metavar="SECONDS",
        help="how long nothing is changed, for the smallest N twice as long (default 330)",
    )
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="FILE")
    options = parser.parse_args()
    options.changes, options.spacing = (30, 0.2) if options.quick else (200, 0.4)
    options.idle, options.busy = (20.0, 45.0) if options.quick else (options.idle, 120.0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # `finally` below runs
    folder = Path(tempfile.mkdtemp(prefix="transit-scale-"))
    try:
        _run(options, plane.Plane(folder, SCRAPE_SECONDS))
    except StepFailed as failure:
        explain(failure)
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"\nWritten to {options.output}")
    return 0


def _run(options: argparse.Namespace, home: plane.Plane) -> None:
    """Raises: StepFailed, with the log to look at."""
    plane.build()
    try:
        with step("Control plane: start"):
            home.up()
        asyncio.run(measure(options, home))
    except TimeoutError as error:
        raise StepFailed(str(error), home.log("operator")) from error
    finally:
        home.close()
        if options.profile and (figures := home.folder / "looked.prof").exists():
            shutil.copy(figures, options.output.with_suffix(".prof"))


if __name__ == "__main__":
    sys.exit(main())
