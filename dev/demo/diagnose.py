"""When something did not end as it should: what a person would look up first, in one place."""

from dev.client.kube import Kube
from dev.cluster.ui import StepFailed

from .play.stage import NAME, NAMESPACE
from .provision import install
from .terminal.commands import said

LOG_LINES = 40


def explain(kube: Kube, failure: StepFailed) -> None:
    """Print what failed, what the cluster says, and what to try."""
    print(f"\nThe demo did not end as it should: {failure}\n")
    _section("The rollout and its pods", said(kube, "status", NAME, "-n", NAMESPACE))
    events = kube.says("-n", NAMESPACE, "get", "events", "--sort-by=.lastTimestamp")
    _section("The last events", "\n".join(events.splitlines()[-12:]))
    operator = kube.says("-n", install.NAMESPACE, "get", "pods")
    _section("The operator", operator)
    where = ("-n", install.NAMESPACE, "logs", "-l", install.PODS, "--prefix")
    _section("Its log", kube.says(*where, f"--tail={LOG_LINES}"))
    print("Try:")
    for hint in (
        failure.hint,
        'eval "$(python3 -m dev.cluster env)"; python3 -m dev.cluster status',
        f"kubectl describe mdep {NAME} -n {NAMESPACE}",
        f"kubectl -n {install.NAMESPACE} logs -l {install.PODS} --prefix",
        "the same command again: what is built and trained is reused",
        "make cluster-down, then make demo: a new cluster",
    ):
        if hint:
            print(f"  {hint}")


def _section(title: str, text: str) -> None:
    print(f"--- {title}")
    for line in text.splitlines() or ["(nothing)"]:
        print(f"  {line[:300]}")
