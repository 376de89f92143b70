"""A world in memory for tests of the pure core: it does at once what a decision asks for.

Not a stand-in for Kubernetes (the other tests use a real one): just the consequences of a decision,
so that whole rollouts can be driven through `decide` in a table or by hypothesis.
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

from tests.unit.measured import latencies, measured, predicted
from tests.unit.measured import predictions as counted
from transit_operator.api.spec import ModelDeploymentSpec
from transit_operator.api.status import ModelDeploymentStatus, PinnedModel
from transit_operator.core.decide import decide
from transit_operator.core.decision import Decision
from transit_operator.core.objects.build import Object
from transit_operator.core.objects.resolver import CONTAINER, LABEL_RESOLVES
from transit_operator.core.objects.revision import content_key, revision_of, storage_of
from transit_operator.core.objects.sought import seek
from transit_operator.core.observed import (
    CheckRun,
    Observed,
    Pod,
    Problem,
    Readings,
    Record,
    Retired,
    RevisionReadings,
    RevisionState,
    Route,
    Wanted,
)
from transit_operator.core.rules.evaluate import next_evaluation
from transit_operator.core.times import rfc3339

NO_ROOM = "Unschedulable: no node has room"
STEPS = [
    {"weight": 10, "hold": "30s"},
    {"weight": 50, "hold": "30s"},
    {"weight": 100, "hold": "60s"},
]


def spec(version: str = "1.0.0", **overrides: Any) -> ModelDeploymentSpec:
    """Return a spec of one model, three pods and short steps."""
    raw: dict[str, Any] = {
        "models": [{"name": "forest", "version": version}],
        "storage": {"uri": "s3://models"},
        "replicas": 3,
        "traffic": {"router": "gateway", "gateway": {"parentRefs": [{"name": "public"}]}},
        "rollout": {"steps": STEPS, "progressDeadline": "60s"},
    }
    return ModelDeploymentSpec.model_validate(raw | overrides)


def digest(name: str, version: str, content: str = "") -> str:
    """Return a digest as a storage would have it; another one for other `content`."""
    return hashlib.sha256(f"{name} {version} {content}".encode()).hexdigest()


def wanted(asked: ModelDeploymentSpec, content: str = "") -> Wanted:
    """Return the revision of a spec without aliases, once its versions are looked up."""
    return revision_of(
        asked,
        [
            PinnedModel(name=m.name, version=m.version, digest=digest(m.name, m.version, content))
            for m in asked.models
        ],
    )


def revision(version: str, content: str = "") -> str:
    """Return the revision of `spec(version)`."""
    return wanted(spec(version), content).revision


def good(
    predictions: float = 1000,
    errors: float = 0,
    p95: float = 0.010,
    median: float = 0.005,
    classes: dict[str, float] | None = None,
) -> RevisionReadings:
    """Return readings of a revision that does well, or as badly as the arguments say."""
    return measured(
        counted(success=predictions - errors, error=errors),
        latencies(p95, median, predictions),
        predicted(classes or {"A": 600.0, "B": 250.0, "C": 150.0}),
    )


@dataclass
class World:
    """One ModelDeployment and what it made."""

    spec: ModelDeploymentSpec = field(default_factory=spec)
    status: ModelDeploymentStatus = field(default_factory=ModelDeploymentStatus)
    now: float = 1_000_000_020.0
    action: str = ""
    readings: Readings = field(default_factory=lambda: Readings(candidate=good(), stable=good()))
    broken: set[str] = field(default_factory=set)  # revisions whose pods never become ready
    slow: bool = False  # new pods don't get ready by themselves: see `start`
    nodes: int | None = None  # room for so many pods in all; None: for any number
    skew: float = 0.0  # of the nodes' clocks, which date the readiness of new pods
    refuses: set[str] = field(default_factory=set)  # kinds of writes: "traffic", "pods"
    refusal: Problem | None = None  # what became of the last look's writes
    pods: dict[str, tuple[Pod, ...]] = field(default_factory=dict)
    traffic: dict[str, int] = field(default_factory=dict)
    testers: str | None = None
    checks: dict[str, CheckRun] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)  # version → other content than at first
    aliases: dict[str, str] = field(default_factory=dict)  # alias → version
    missing: set[str] = field(default_factory=set)  # versions that the storage doesn't have
    retired: Retired = field(default_factory=dict)  # what the registry says
    route: Route | None = None  # what the Gateways say of it
    made: int = 0  # Deployments so far
    looking_up: bool = False  # the pod that looks versions up has not answered yet

    def observed(self) -> Observed:
        due = next_evaluation(self.spec, self.status, self.now)
        sought = seek(self.spec, self.status, self.records, self._resolver(), self.now)
        return Observed(
            now=self.now,
            namespace="ml",
            name="m",
            generation=1,
            spec=self.spec,
            status=self.status,
            wanted=sought.wanted,
            problem=self.refusal or sought.problem,
            pins=sought.pins,
            newer=sought.newer,
            followed=sought.followed,
            action=self.action,
            revisions={
                name: RevisionState(name, len(pods), pods) for name, pods in self.pods.items()
            },
            traffic=dict(self.traffic),
            testers=self.testers,
            route=self.route,
            records=dict(self.records),
            retired=self.retired,
            checks=dict(self.checks),
            readings=self.readings if due is not None and self.now >= due else None,
        )

    def _resolver(self) -> dict[tuple[str, str], Object]:
        """Return the pod that looks the spec's versions up, with what it says."""
        if self.looking_up:
            return {}
        gone = [m.version for m in self.spec.models if m.version in self.missing]
        found = [
            {"name": m.name, "version": version, "digest": self.digest(m.name, version)}
            for m in self.spec.models
            for version in [self.aliases.get(m.version, m.version)]
        ]
        said = f"there is no {gone[0]}" if gone else json.dumps(found)
        end = {"exitCode": len(gone), "reason": "Error" if gone else "Completed", "message": said}
        meta = {
            "name": "resolver",
            "labels": {LABEL_RESOLVES: content_key(self.spec)},
            "creationTimestamp": rfc3339(self.now),
        }
        status = {"containerStatuses": [{"name": CONTAINER, "state": {"terminated": end}}]}
        return {("Pod", "resolver"): {"kind": "Pod", "metadata": meta, "status": status}}

    def digest(self, name: str, version: str) -> str:
        """Return the digest of what the storage has under a version."""
        return digest(name, version, self.contents.get(version, ""))

    def reconcile(self) -> Decision:
        """Decide once and do what the decision asks for."""
        observed = self.observed()
        decision = decide(observed)
        self.status = decision.status
        self._record(observed, decision)
        self._write(decision)
        self._schedule()
        return decision

    def _write(self, decision: Decision) -> None:
        """Traffic, then pods. What has traffic that could not be moved loses no pod."""
        held: set[str] = set()
        if "traffic" not in self.refuses:
            self.traffic, self.testers = dict(decision.weights), decision.testers
        elif self.traffic != decision.weights:
            held = set(self.traffic)
        if "pods" not in self.refuses:
            kept = {n: self.pods[n] for n in decision.keep | held if n in self.pods}
            self.pods = kept | {
                name: self._scaled(name, self._size(name, count, decision, only_up=name in held))
                for name, count in decision.replicas.items()
            }
        refused = held or ("pods" in self.refuses and self._asks_for_others(decision))
        self.refusal = Problem("Refused", "422 in a story") if refused else None

    def _asks_for_others(self, decision: Decision) -> bool:
        sizes = {name: len(pods) for name, pods in self.pods.items() if name not in decision.keep}
        return sizes != {n: self._size(n, c, decision) for n, c in decision.replicas.items()}

    def _record(self, observed: Observed, decision: Decision) -> None:
        """Keep what made each revision, and why one was rolled back."""
        want = observed.wanted
        for name in decision.replicas:
            if name not in self.records and want is not None and want.revision == name:
                self.records[name] = Record(want.models, storage=storage_of(self.spec))
            if name in self.records and name not in self.pods:  # its Deployment is made now
                self.made += 1
                made = 1_000_000_000.0 + self.made  # by the API server's clock
                self.records[name] = replace(self.records[name], created=made)
        for name, record in self.records.items():
            self.records[name] = replace(record, rejected=decision.rejected.get(name, ""))

    def lose_status(self) -> None:
        """As after a restore from a backup: the cluster is there, the status is not."""
        self.status = ModelDeploymentStatus()

    def _schedule(self) -> None:
        """Give nodes to pods that wait for room, the oldest revision first."""
        if self.nodes is None:
            return
        free = self.nodes - sum(p.problem != NO_ROOM for pods in self.pods.values() for p in pods)
        for name, pods in self.pods.items():
            placed = []
            for pod in pods:
                if pod.problem == NO_ROOM and free > 0:
                    free -= 1
                    pod = replace(
                        pod, ready=self._starts(name), problem="", ready_since=self._dated()
                    )
                placed.append(pod)
            self.pods[name] = tuple(placed)

    def _dated(self) -> float:
        """Return what a pod that gets ready now says of when: nothing, where no clock is off."""
        return self.now + self.skew if self.skew else 0.0

    def _starts(self, name: str) -> bool:
        return name not in self.broken and not self.slow

    def settle(self) -> None:
        """Reconcile until nothing changes any more (at one moment)."""
        for _ in range(20):
            before = (self.status, self.traffic, self.testers, self.pods)
            self.reconcile()
            if before == (self.status, self.traffic, self.testers, self.pods):
                return
        raise AssertionError("the decision does not converge")

    def run(self, seconds: float, step: float = 5.0) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            self.now += step
            self.settle()

    def crash(self, name: str) -> None:
        """Restart a pod of a revision: not ready, one more restart."""
        first, *rest = self.pods[name]
        broken = replace(first, ready=False, restarts=first.restarts + 1)
        self.pods[name] = (broken, *rest)

    def autoscale(self, name: str, count: int) -> None:
        """Have the autoscaler of a revision choose a number of pods, all ready."""
        self.pods[name] = self._scaled(name, count)

    def start(self, name: str, count: int = 1) -> None:
        """Make some more pods of a revision ready."""
        for _ in range(count):
            pods = list(self.pods[name])
            index = next(i for i, pod in enumerate(pods) if not pod.ready)
            pods[index] = replace(pods[index], ready=True, ready_since=self.now, problem="")
            self.pods[name] = tuple(pods)

    def recover(self, name: str) -> None:
        """Make all pods of a revision ready."""
        self.pods[name] = tuple(replace(p, ready=True, problem="") for p in self.pods[name])

    def _size(self, name: str, least: int, decision: Decision, *, only_up: bool = False) -> int:
        """As asked for; with an autoscaler between its least and its most, else as it was."""
        have = len(self.pods.get(name, ()))
        if only_up:
            return max(least, have)
        if name not in decision.limits:
            return least
        return min(decision.limits[name], max(least, have))

    def _scaled(self, name: str, count: int) -> tuple[Pod, ...]:
        have = self.pods.get(name, ())[:count]
        ready = self._starts(name) and self.nodes is None
        problem = "" if self.nodes is None else NO_ROOM
        numbers = range(len(have), count)
        new = Pod("", ready=ready, problem=problem, ready_since=self._dated())
        return have + tuple(replace(new, name=f"{name}-{n}") for n in numbers)
