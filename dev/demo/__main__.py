"""The command line of the demo: `.venv/bin/python -m dev.demo`."""

import argparse
import fcntl
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from dev.client import kube
from dev.client.watch import NotAsExpected
from dev.cluster import paths
from dev.cluster.ui import StepFailed

from . import diagnose, report
from .play import gitops, scenarios, shown, stage
from .provision import install, registry, store
from .terminal.progress import Progress

DESCRIPTION = """\
Roll out good and bad versions of a model on the cluster that `python3 -m dev.cluster up` made, with
real traffic through the gateway, and show how each ends and why.

In turn: train and publish the example models, put them into the registry, install the operator with
Helm, serve the live page, apply the ModelDeployment demo/kepler (dev/demo/manifests/kepler.yaml),
send traffic, then:

"""
EPILOG = """
Every request is counted by the revision that answered it. The exit code is 0 only if every
version ended as it must and no request failed but the bad versions' own. Rollouts are shown by the
command line, transit; at the end comes what the registry has of them. All that happened, with its
evidence, is in build/demo-timeline.json. The ModelDeployment stays, to be looked at; the next run
replaces it.

Environment: CLUSTER (local, kind, current), TRANSIT_REGISTRY, as for `python3 -m dev.cluster`.
"""
LOCK = paths.REPOSITORY / "build" / "demo.lock"
TIMELINE = paths.REPOSITORY / "build" / "demo-timeline.json"


def main() -> int:
    """Run; explain what went wrong."""
    options = _options()
    progress = Progress()
    try:
        cluster = kube.connect()
    except StepFailed as failure:
        print(f"{failure}\nTry: {failure.hint}")
        return 1
    try:
        with _alone(progress):
            return _run(cluster, progress, options)
    except StepFailed as failure:
        diagnose.explain(cluster, failure)
    except KeyboardInterrupt:
        progress.say("Stopped. The same command starts again; kubectl get mdep -n demo")
        return 130
    except Exception as error:
        traceback.print_exc()
        diagnose.explain(cluster, StepFailed(f"{type(error).__name__}: {error}"))
    return 1


def _run(cluster: kube.Kube, progress: Progress, options: argparse.Namespace) -> int:
    rate, chosen = options.rate, scenarios.chosen(options.scenario)
    progress.say(
        f"Cluster {cluster.cluster}, gateway {cluster.gateway}, {rate:g} requests a second"
    )
    store.prepare(cluster, progress, stage.NAMESPACE)
    registry.prepare(cluster, progress)
    with progress.waiting(f"Operator installed with Helm into {install.NAMESPACE}"):
        install.install(cluster, *registry.VALUES)
    results: list[scenarios.Result] = []
    kind: type[shown.ShownStage] = gitops.GitStage if options.gitops else shown.ShownStage
    with kind(cluster, progress, rate) as on, on.transit.page():
        try:
            for one in chosen:
                results.append(scenarios.play(on, one))
                _say_result(progress, results[-1])
            if isinstance(on, gitops.GitStage) and options.scenario is None:
                first, good = (one.version for one in chosen[:2])
                on.use_actions(good, first)
        finally:
            on.traffic.stop()
            ended = len(results) == len(chosen)
            report.write_json(TIMELINE, progress, on.timeline, results, complete=ended, rate=rate)
            report.print_summary(results)
        print(f"\nEvery event with its evidence: {TIMELINE}\n")
        failed = len(report.total(results).others)
        if failed:
            raise NotAsExpected(
                f"{failed} requests failed that no bad version is to blame for (listed above)"
            )
        if not all(one.scenario.good for one in results):
            on.transit.show("why", stage.NAME)
        registry.show_history(cluster, progress, on.last_transition)
    print(report.NEXT)
    progress.say("Done: every version ended as it must.")
    return 0


@contextmanager
def _alone(progress: Progress) -> Iterator[None]:
    """One demo at a time: two would take each other's ModelDeployment away."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say(f"Another demo is at work; waiting for it ({LOCK})")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say_result(progress: Progress, result: scenarios.Result) -> None:
    tally = result.tally
    progress.say(
        f"  Ended as it must, {result.scenario.ends}, after {result.seconds:.1f} s:"
        f" {tally.requests} requests, {tally.own} failed by the version itself,"
        f" {len(tally.others)} others"
    )


def _options() -> argparse.Namespace:
    listed = "\n".join(
        f"  {one.name:<8} {stage.MODEL} {one.version}: {one.title}; ends: {one.ends}"
        for one in scenarios.SCENARIOS
    )
    parser = argparse.ArgumentParser(
        prog="python -m dev.demo",
        description=DESCRIPTION + listed,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [one.name for one in scenarios.SCENARIOS]
    parser.add_argument(
        "--scenario",
        choices=names,
        metavar="NAME",
        help=f"the first deployment and this one only: {', '.join(names)}",
    )
    parser.add_argument(
        "--gitops",
        action="store_true",
        help="by commits that Argo CD syncs (python3 -m dev.cluster argocd, before it)",
    )
    parser.add_argument(
        "--rate", type=_rate, default=40.0, help="requests a second, 10 to 200 (default 40)"
    )
    return parser.parse_args()


def _rate(text: str) -> float:
    rate = float(text)
    if not 10 <= rate <= 200:
        raise argparse.ArgumentTypeError("must be between 10 and 200 requests a second")
    return rate


if __name__ == "__main__":
    sys.exit(main())
