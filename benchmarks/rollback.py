"""How long a bad version answers clients: from its first bad answer to its last, seen by a client.

    make bench-rollback

The candidate answers every request with an error (random_forest 1.2.0, sent only light curves that
it can't read; 1.0.0 reads them). Prometheus scrapes every 2 s and the analysis interval is 2 s, the
same race as other rollout controllers can be put through. Each run is a whole rollout to the first
step and its rollback, on the real cluster with the installed operator; traffic never stops.
Neighbours: `dev.demo` has the stage, the traffic and the rules whose fault a failed request is.
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev.client import kube
from dev.cluster.ui import StepFailed
from dev.demo.play import stage
from dev.demo.play.scenarios import Scenario, play
from dev.demo.provision import install, store
from dev.demo.seen.incidents import tally
from dev.demo.terminal.progress import Progress

RESULTS = Path(__file__).parent / "results" / "rollback.json"
GOOD, BAD = "1.0.0", "1.2.0"
WEIGHT = 20
GONE_SECONDS = 120.0
ROLLOUT: dict[str, Any] = {
    "steps": [{"weight": WEIGHT, "hold": "10m"}, {"weight": 100, "hold": "10m"}],
    "progressDeadline": "60s",
    "analysis": {
        "interval": "2s",
        "window": "20s",
        "minSamples": 30,
        "errorRate": {"max": 0.05},
        "latency": {"quantile": 0.95, "maxRatio": 3.0},
    },
}
GOALS = {"medianSeconds": 2.5, "maximumSeconds": 4.5, "otherFailures": 0}


@dataclass(frozen=True)
class Run:
    """One rollback. Seconds from the first bad answer a client got to the last."""

    seconds: float
    bad_answers: int
    other_failures: int
    reason: str


def measure(on: stage.Stage) -> Run:
    """Roll the bad version out, wait until it is rolled back, then ask for the good one again."""
    mark = on.traffic.mark()
    result = play(on, Scenario("errors", BAD, "ErrorRate", "answers every request with an error"))
    answers = on.traffic.since(mark)
    counted = tally(answers, result.revision, on.spans(result.revision))
    own = [a.done for a in answers if a.failed and a not in counted.others]
    on.ask_for(GOOD)
    on.until(
        f"{GOOD} to be what the spec asks for", lambda status: status["phase"] == "Stable", 30.0
    )
    _gone(on, result.revision)
    return Run(
        seconds=round(max(own) - min(own), 2),
        bad_answers=len(own),
        other_failures=len(counted.others),
        reason=result.message,
    )


def _gone(on: stage.Stage, revision: str) -> None:
    """Wait until the revision's pods are gone: errors that they still count would flatter the next
    run, whose pods Prometheus must find anew.
    """
    selector = f"transit.dev/revision={revision}"
    deadline = time.monotonic() + GONE_SECONDS
    while on.kube("-n", stage.NAMESPACE, "get", "pods", "-l", selector, "-o", "name").strip():
        if time.monotonic() > deadline:
            raise StepFailed(f"pods of {revision} are still there after {GONE_SECONDS:.0f} s")
        time.sleep(0.5)  # between two looks


def summary(runs: list[Run]) -> dict[str, Any]:
    """Return the figures that the goals are about."""
    seconds = [run.seconds for run in runs]
    return {
        "medianSeconds": round(statistics.median(seconds), 2),
        "maximumSeconds": max(seconds),
        "medianBadAnswers": statistics.median(run.bad_answers for run in runs),
        "maximumBadAnswers": max(run.bad_answers for run in runs),
        "otherFailures": sum(run.other_failures for run in runs),
    }


def main() -> int:
    """Measure, print a table, write the results. 1: a goal is missed."""
    options = _options()
    progress = Progress()
    try:
        cluster = kube.connect()
        store.prepare(cluster, progress, stage.NAMESPACE)
        with progress.waiting(f"Operator installed with Helm into {install.NAMESPACE}"):
            install.install(cluster)
        runs = _runs(cluster, progress, options.runs, options.rate)
    except StepFailed as failure:
        print(f"{failure}\nTry: {failure.hint}")
        return 1
    found = summary(runs)
    RESULTS.parent.mkdir(exist_ok=True)
    text = {
        "date": datetime.now(UTC).date().isoformat(),
        "scrapeSeconds": 2,
        "intervalSeconds": 2,
        "weight": WEIGHT,
        "requestsPerSecond": options.rate,
        **found,
        "goals": GOALS,
        "runs": [asdict(run) for run in runs],
    }
    RESULTS.write_text(json.dumps(text, indent=2) + "\n")
    print("\n  run  seconds  bad answers  other failures")
    for number, run in enumerate(runs, 1):
        print(f"  {number:3}  {run.seconds:7.2f}  {run.bad_answers:11}  {run.other_failures:14}")
    print(
        f"\n  median {found['medianSeconds']} s, maximum {found['maximumSeconds']} s;"
        f" {found['otherFailures']} other failures; written to {RESULTS}"
    )
    missed = [name for name, goal in GOALS.items() if found[name] > goal]
    print(f"  goals missed: {', '.join(missed)}" if missed else "  all goals met")
    return 1 if missed else 0


def _runs(cluster: kube.Kube, progress: Progress, count: int, rate: float) -> list[Run]:
    with stage.Stage(cluster, progress, rate) as on:
        on.manifest["spec"]["rollout"] = ROLLOUT
        on.bodies[:] = [_with_a_gap(body) for body in on.bodies]
        play(on, Scenario("first", GOOD, "Stable", "first deployment"))
        runs = []
        for number in range(1, count + 1):
            progress.say(f"Run {number} of {count}")
            runs.append(measure(on))
            progress.say(f"  {runs[-1].seconds} s, {runs[-1].bad_answers} bad answers")
        return runs


def _with_a_gap(body: bytes) -> bytes:
    features = json.loads(body)["features"]
    features[400] = 0.0
    return json.dumps({"features": features}).encode()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rollback",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=10, help="rollbacks to measure (default 10)")
    parser.add_argument("--rate", type=float, default=180.0, help="requests a second (default 180)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
