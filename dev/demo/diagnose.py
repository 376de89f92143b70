"""When something did not end as it should: what a person would look up first, in one place."""

from typing import Any

from dev.cluster.ui import StepFailed

from . import install
from .kube import Kube
from .stage import NAME, NAMESPACE

LOG_LINES = 40


def explain(kube: Kube, failure: StepFailed) -> None:
    """Print what failed, what the cluster says, and what to try."""
    print(f"\nThe demo did not end as it should: {failure}\n")
    _section("The ModelDeployment", kube.says("-n", NAMESPACE, "get", "mdep", "-o", "wide"))
    _section("Its pods", kube.says("-n", NAMESPACE, "get", "pods", "-o", "wide"))
    _section("What is wrong with them", "\n".join(_pod_problems(kube)) or "nothing to see")
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


def _pod_problems(kube: Kube) -> list[str]:
    try:
        found = kube.find("-n", NAMESPACE, "pods")
    except StepFailed as failure:
        return [str(failure)]
    return [line for pod in (found or {}).get("items", []) for line in _problems(pod)]


def _problems(pod: dict[str, Any]) -> list[str]:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    told = [
        f"{name}: {c.get('reason')}: {c.get('message')}"
        for c in status.get("conditions") or []
        if c["type"] == "PodScheduled" and c["status"] == "False"
    ]
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting")
        ended = (container.get("lastState") or {}).get("terminated")
        if waiting:
            told.append(f"{name}: {waiting.get('reason')}: {waiting.get('message', '')}")
        if ended:
            words = " ".join((ended.get("message") or "").split())[-300:]
            told.append(
                f"{name}: restarted {container['restartCount']} times, last ended with"
                f" {ended.get('reason')} ({ended.get('exitCode')}): {words}"
            )
    return told
