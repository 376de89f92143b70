"""The operator's own metrics, all of them in one place. Users alert on these names and labels.

Two sorts: what happened (counters and a histogram, kept here), and what is (the fleet, taken from
the cache when somebody scrapes, so that a deleted ModelDeployment is gone at once). The label
`model_deployment` is "namespace/name", as in the servers' metrics: the two can be joined, and it
does not clash with the `namespace` that Prometheus gives to its targets.
Neighbours: `reconcile` and the adapters count; `operator` gathers the facts; `web` sends the page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from ...api.status import RejectReason
from ...core.decision import Decision
from ...core.objects.build import Object
from ...core.rules.changes import REJECTED
from ...core.signals.registry import SIGNALS

RECONCILE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
# condition → the status that a person must know of
PROBLEMS = {
    "Accepted": "False",
    "Available": "False",
    "RouteAccepted": "False",
    "MetricsAvailable": "False",
    "ScalingActive": "False",
    "Stalled": "True",
}
ERRORS = ("Conflict", "Refused", "NotFound", "NotLeading", "KubernetesError", "Bug")


@dataclass(frozen=True)
class Facts:
    """What is, at the moment of a scrape. A follower knows the fleet, but the leader tells it."""

    leads: bool
    look_age: float  # seconds since everything was last listed
    lease: str = ""  # "namespace/name"; "" where there is none
    queue_depth: int = 0
    longest: float = 0.0  # seconds that the longest present reconcile runs
    unrecorded: int | None = None  # entries that wait for the registry; None without one
    untold: Mapping[str, int] = field(default_factory=dict)  # messages that wait, by receiver
    mdeps: Iterable[Object] = ()


class Metrics:
    """What happened since this process started."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.reconcile_seconds = Histogram(
            "transit_reconcile_seconds",
            "Time of one reconciliation, without the wait for Prometheus.",
            buckets=RECONCILE_BUCKETS,
            registry=self._registry,
        )
        self.reconcile_errors = self._counter(
            "transit_reconcile_errors",
            "Reconciliations that ended with an error; Conflict is harmless: somebody was faster.",
            ["kind"],
        )
        self.rollbacks = self._counter(
            "transit_rollbacks",
            "Revisions rejected, by the reason in status.rejected.",
            ["reason"],
        )
        self.warnings = self._counter(
            "transit_signal_warnings",
            "Times that a signal with mode Warn began to fail; custom stands for all custom ones.",
            ["signal"],
        )
        self.kubernetes_requests = self._counter(
            "transit_kubernetes_requests",
            "Requests to the Kubernetes API, without watches. Code none: no answer.",
            ["method", "code"],
        )
        self.prometheus_queries = self._counter(
            "transit_prometheus_queries",
            "Queries to Prometheus: ok, or the reason as in MetricsAvailable.",
            ["result"],
        )
        self.registry_rows = self._counter(
            "transit_registry_rows", "Rows of the history that the registry did not have yet.", []
        )
        self.registry_failures = self._counter(
            "transit_registry_failures", "Times that the registry could not be reached or used.", []
        )
        self.notifications_sent = self._counter(
            "transit_notifications_sent", "Messages that a receiver has taken.", ["receiver"]
        )
        self.notification_failures = self._counter(
            "transit_notifications_failures",
            "Tries to tell a receiver that failed.",
            ["receiver"],
        )
        self.notifications_dropped = self._counter(
            "transit_notifications_dropped",
            "Messages given up: refused by the receiver, or not taken in a day.",
            ["receiver"],
        )
        # There from the start at 0, or the first one would not be seen as an increase.
        for kind in ERRORS:
            self.reconcile_errors.labels(kind)
        for reason in RejectReason:
            self.rollbacks.labels(reason.value)
        for signal in SIGNALS:
            self.warnings.labels(signal.name)
        self.warnings.labels("custom")
        self.prometheus_queries.labels("ok")

    def request(self, method: str, code: str) -> None:
        """Count a request to the Kubernetes API."""
        self.kubernetes_requests.labels(method, code).inc()

    def query(self, result: str) -> None:
        """Count a query to Prometheus."""
        self.prometheus_queries.labels(result).inc()

    def decided(self, decision: Decision) -> None:
        """Count what a decision whose status was written says has happened."""
        rejected = decision.status.rejected
        if rejected is not None and any(t.reason == REJECTED for t in decision.transitions):
            self.rollbacks.labels(rejected.reason).inc()

    def warned(self, before: Object | None, after: Object | None) -> None:
        """Count warnings that are in the status after a look and were not before it."""
        for signal in _warnings(after) - _warnings(before):
            self.warnings.labels(signal.partition("/")[0]).inc()

    def page(self, facts: Facts) -> bytes:
        """Return all metrics in Prometheus' text format. Slow for a large fleet: use a thread."""
        return generate_latest(self._registry) + fleet(facts).encode()

    def _counter(self, name: str, words: str, labels: list[str]) -> Counter:
        return Counter(name, words, labels, registry=self._registry)


def _warnings(mdep: Object | None) -> set[str]:
    signals = _status(mdep).get("signals") or []
    return {e["signal"] for e in signals if e.get("mode") == "Warn" and e.get("verdict") == "Fail"}


def fleet(facts: Facts) -> str:
    """Return the metrics of what is, as text."""
    families: list[tuple[str, str, Iterable[str]]] = [
        (
            "transit_leader",
            "1 if this operator leads, else 0. The Lease tells two installations apart.",
            [f'{{lease="{facts.lease}"}} {int(facts.leads)}'],
        ),
        (
            "transit_last_look_age_seconds",
            "Time since everything was last listed, which happens every 300 s.",
            [f" {facts.look_age:.3f}"],
        ),
    ]
    if facts.leads:
        families += [
            (
                "transit_queue_depth",
                "ModelDeployments that are due and wait for a worker.",
                [f" {facts.queue_depth}"],
            ),
            (
                "transit_reconcile_longest_seconds",
                "How long the longest running reconciliation has taken so far.",
                [f" {facts.longest:.3f}"],
            ),
            *_modeldeployments(facts.mdeps),
            (
                "transit_registry_pending",
                "Entries of the history that wait to be written into the registry.",
                [f" {facts.unrecorded}"] if facts.unrecorded is not None else [],
            ),
            (
                "transit_notifications_waiting",
                "Messages that wait for a receiver.",
                [f'{{receiver="{name}"}} {count}' for name, count in facts.untold.items()],
            ),
        ]
    return "".join(
        f"# HELP {name} {words}\n# TYPE {name} gauge\n"
        + "".join(f"{name}{sample}\n" for sample in samples)
        for name, words, samples in families
    )


def _modeldeployments(mdeps: Iterable[Object]) -> list[tuple[str, str, Iterable[str]]]:
    phases: list[str] = []
    revisions: list[str] = []
    problems: list[str] = []
    weights: list[str] = []
    values: list[str] = []
    thresholds: list[str] = []
    for mdep in mdeps:
        meta, status = mdep["metadata"], _status(mdep)
        label = f'model_deployment="{meta["namespace"]}/{meta["name"]}"'
        if phase := status.get("phase"):
            phases.append(f'{{{label},phase="{phase}"}} 1')
        for role in ("stable", "candidate"):
            if revision := (status.get(role) or {}).get("revision"):
                version = _escaped((status.get("versions") or {}).get(role) or "")
                which = f'revision="{revision}",role="{role}",version="{version}"'
                revisions.append(f"{{{label},{which}}} 1")
        for condition in status.get("conditions", []):
            if PROBLEMS.get(condition["type"]) == condition["status"]:
                which = f'condition="{condition["type"]}",reason="{condition["reason"]}"'
                problems.append(f"{{{label},{which}}} 1")
        for weight in status.get("traffic", []):
            weights.append(f'{{{label},revision="{weight["revision"]}"}} {weight["weight"]}')
        for evidence in status.get("signals", []):
            signal = f'{{{label},signal="{_escaped(evidence["signal"])}"}}'
            for samples, key in ((values, "value"), (thresholds, "threshold")):
                if evidence.get(key) is not None:
                    samples.append(f"{signal} {float(evidence[key])!r}")
    return [
        (
            "transit_modeldeployment_phase",
            "1 for the present phase; the others have no series.",
            phases,
        ),
        (
            "transit_modeldeployment_revision",
            "1 for stable and candidate; joins revision of the servers' metrics to its role.",
            revisions,
        ),
        (
            "transit_modeldeployment_problem",
            "1 for a condition that says that something is wrong: False, or Stalled True.",
            problems,
        ),
        (
            "transit_modeldeployment_weight",
            "Percent of the traffic, as in status.traffic.",
            weights,
        ),
        (
            "transit_signal_value",
            "Value of a signal at the last evaluation, as in status.signals.",
            values,
        ),
        ("transit_signal_threshold", "What that value is compared with.", thresholds),
    ]


def _status(mdep: Object | None) -> dict[str, Any]:
    return (mdep or {}).get("status") or {}


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
