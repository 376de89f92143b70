"""What the deployment guide's users see of a rollout: 100 of them, by Locust, through the gateway.

    make bench-locust
    python -m benchmarks.guide --host http://127.0.0.1:8000     a server that runs already

On the real cluster with the installed operator: a version serves, the users come, and a good one is
rolled out to its end while they go on. Goals: no failed request, and the candidate promoted.
Neighbours: `locustfile` is the load; `dev.demo` has the stage, the models and what users send.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.server.servers.environments import CannotInstall, python_of
from dev.client import kube
from dev.cluster.ui import StepFailed
from dev.demo.play import stage
from dev.demo.provision import install, store
from dev.demo.seen.traffic import light_curve_bodies
from dev.demo.terminal.progress import Progress

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "guide.json"
STABLE, CANDIDATE = "1.0.0", "1.1.0"
USERS, SPAWNED_A_SECOND = 100, 10
STAGE_RATE = 1.0  # the stage's own requests a second, which tell that the gateway leads somewhere
BEFORE_SECONDS, AFTER_SECONDS = 30.0, 10.0  # of load, before and after the rollout
ROLLOUT_SECONDS = 300.0
END_SECONDS = 60.0


@dataclass
class Load:
    """Locust at work. `rows` is there once it has ended: a row of its statistics for a revision."""

    process: subprocess.Popen[str]
    rows: Sequence[dict[str, Any]] = ()

    def wait(self, seconds: float) -> None:
        """Let it work for so long. Raises: StepFailed, if it ends meanwhile."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise StepFailed(f"Locust has ended by itself, with code {self.process.returncode}")


def main() -> int:
    """Measure, print a table, write the results. 1: a request failed, or the rollout did."""
    options = _options()
    progress = Progress()
    try:
        if options.host:
            with load(progress, options.host) as users:
                users.wait(options.seconds)
            took = None
        else:
            users, took = _during_a_rollout(progress)
    except (StepFailed, CannotInstall) as failure:
        print(f"{failure}\nTry: {getattr(failure, 'hint', '') or 'the same command again'}")
        return 1
    return _report(users.rows, took)


@contextmanager
def load(progress: Progress, host: str, virtual_host: str = "") -> Iterator[Load]:
    """Have the guide's users ask a host while the block runs. Raises: StepFailed, CannotInstall."""
    python = python_of("locust", progress.say)
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows"
        rows.write_bytes(b"\n".join(light_curve_bodies()))
        command = [python, "-m", "locust", "-f", HERE / "locustfile.py", "--headless", "--json"]
        command += [f"--host={host}", f"--users={USERS}", f"--spawn-rate={SPAWNED_A_SECOND}"]
        command += [f"--rows={rows}", f"--virtual-host={virtual_host}", "--loglevel=WARNING"]
        found = Load(subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, text=True))
        try:
            yield found
            found.process.send_signal(signal.SIGTERM)
            said, _ = found.process.communicate(timeout=END_SECONDS)
            found.rows = json.loads(said)
        finally:
            if found.process.poll() is None:
                found.process.kill()
                found.process.wait()


def _during_a_rollout(progress: Progress) -> tuple[Load, float]:
    """Return the load, and the seconds from the changed spec to the promotion."""
    cluster = kube.connect()
    store.prepare(cluster, progress, stage.NAMESPACE)
    with progress.waiting(f"Operator installed with Helm into {install.NAMESPACE}"):
        install.install(cluster)
    with stage.Stage(cluster, progress, STAGE_RATE) as on:
        on.ask_for(STABLE)
        on.until(f"{STABLE} to serve", lambda s: _serves(s, STABLE), ROLLOUT_SECONDS)
        on.begin_traffic()
        with load(progress, cluster.gateway, on.host) as users:
            users.wait(BEFORE_SECONDS)
            progress.say(f"rollout of {CANDIDATE} under {USERS} users")
            began = time.monotonic()
            on.ask_for(CANDIDATE)
            on.until(f"{CANDIDATE} to serve", lambda s: _serves(s, CANDIDATE), ROLLOUT_SECONDS)
            took = time.monotonic() - began
            users.wait(AFTER_SECONDS)
    return users, took


def _serves(status: dict[str, Any], version: str) -> bool:
    models = (status.get("stable") or {}).get("models") or [{}]
    return bool(status.get("phase") == "Stable" and models[0].get("version") == version)


def _report(rows: Sequence[dict[str, Any]], took: float | None) -> int:
    figures = [
        {
            "revision": row["name"],
            "requests": row["num_requests"],
            "failures": row["num_failures"],
            **{f"p{q}": quantile(row["response_times"], q / 100) for q in (50, 95, 99)},
        }
        for row in rows
    ]
    failures = sum(figure["failures"] for figure in figures)
    result = {"date": datetime.now(UTC).date().isoformat(), "users": USERS, "answers": figures}
    if took is not None:
        result["rolloutSeconds"] = round(took, 1)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\n  {'revision':14} {'requests':>9} {'failed':>7} {'p50, ms':>8} {'p95':>6} {'p99':>6}")
    for f in figures:
        times = f"{f['p50']:8} {f['p95']:6} {f['p99']:6}"
        print(f"  {f['revision']:14} {f['requests']:9} {f['failures']:7} {times}")
    if took is not None:
        print(f"\n  promoted after {took:.1f} s")
    print(f"  {failures} failed; written to {RESULTS}")
    return 1 if failures or not figures else 0


def quantile(times: dict[str, int], share: float) -> float:
    """Return a quantile of Locust's counts by response time in milliseconds."""
    left = share * sum(times.values())
    for time_ms, count in sorted((float(t), n) for t, n in times.items()):
        left -= count
        if left <= 0:
            return time_ms
    return 0.0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guide",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", help="the URL of a server that runs; default: a whole rollout")
    parser.add_argument("--seconds", type=float, default=60.0, help="of load, with --host")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
