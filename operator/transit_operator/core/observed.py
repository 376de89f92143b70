"""What a decision is made from: one frozen value, gathered by `runtime.observing.observe`.

Nothing here knows where the values come from. `core.decide` reads them and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..api.spec import ModelDeploymentSpec
from ..api.status import ModelDeploymentStatus, PinnedModel, Pins


@dataclass(frozen=True)
class Pod:
    """One pod of a revision, without the ones that are being deleted."""

    name: str
    ready: bool
    restarts: int = 0
    ready_since: float = 0.0  # epoch seconds; of a ready pod
    problem: str = ""  # why it isn't ready, for people; empty where nothing is known
    disrupted: bool = False  # evicted, drained, its node lost: no sickness of what it runs
    uid: str = ""
    starting: bool = False  # has never been ready, nor restarted: coming up
    content_changed: str = ""  # it serves nothing: the store has other content than its revision


@dataclass(frozen=True)
class RevisionState:
    """A revision's Deployment and pods as they are."""

    name: str
    replicas: int = 0
    pods: tuple[Pod, ...] = ()
    problem: str = ""  # why pods can't be created (quota, admission), for people
    overruns: tuple[str, ...] = ()  # of pods evicted for having more than they may, for people

    @property
    def ready(self) -> int:
        return sum(pod.ready for pod in self.pods)

    def known_at(self, now: float, settle: float) -> float | None:
        """Return when gateways will know the youngest ready pod, if that is still to come.

        A weight given earlier costs requests. Readiness is told by the clock of the pod's node: one
        that is further ahead than `settle` seconds says nothing, and is not waited for.
        """
        since = [p.ready_since for p in self.pods if p.ready and p.ready_since <= now + settle]
        known = max((min(at, now) for at in since), default=0.0) + settle
        return known if known > now else None

    @property
    def restarts(self) -> int:
        """How often a server ended; another pod in the place of one that filled its disk counts."""
        return sum(pod.restarts for pod in self.pods) + len(self.overruns)

    @property
    def why_not_ready(self) -> str:
        """The first known cause, for people; empty where none is known."""
        sick = (pod.problem for pod in self.pods if not pod.ready and not pod.disrupted)
        causes = [self.problem, *sick, *self.overruns[-1:]]
        return next((cause for cause in causes if cause), "")


@dataclass(frozen=True)
class Wanted:
    """The revision that the spec asks for."""

    revision: str
    models: tuple[PinnedModel, ...]


Sample = tuple[Mapping[str, str], float]  # labels, value; the value is a number


@dataclass(frozen=True)
class RevisionReadings:
    """What Prometheus says of one revision over the window: the samples of each query by its name.

    A query without samples isn't there. What they mean is known to the signals that asked.
    """

    samples: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """Why a number isn't there."""

    reason: str  # CamelCase, for conditions
    message: str
    look_again: float | None = None  # epoch seconds at which time alone may change it


@dataclass(frozen=True)
class Readings:
    """All that was measured for one evaluation.

    `of` names the candidate and the stable that were asked for, where the asking took time.
    `custom` maps a custom metric to its value, `problems` a query's name to why it gave nothing at
    all.
    """

    candidate: RevisionReadings = RevisionReadings()
    stable: RevisionReadings = RevisionReadings()
    custom: Mapping[str, float | Problem] = field(default_factory=dict)
    problems: Mapping[str, Problem] = field(default_factory=dict)
    of: tuple[str, str] | None = None


REFUSED: Final = "Refused"  # the reason where the API server refuses what was decided
NOT_OBSERVED: Final = "NotObserved"  # the reason where Gateways know an earlier route only
NOT_SAID: Final = "no Gateway has reported on the route yet"


@dataclass(frozen=True)
class Route:
    """What the Gateways say of our HTTPRoute as it is now. `accepted` is None until they have."""

    accepted: bool | None
    reason: str = ""
    message: str = ""
    look_again: float | None = None  # epoch seconds at which silence becomes an answer

    @property
    def outdated(self) -> bool:
        """Whether Gateways carry it as it was before its last change."""
        return self.accepted is None and self.reason == NOT_OBSERVED


@dataclass(frozen=True)
class Scaling:
    """What a revision's autoscaler says of itself. `active` is None until it has said anything."""

    active: bool | None
    reason: str = ""
    message: str = ""
    look_again: float | None = None  # epoch seconds from which on it is no passing trouble


@dataclass(frozen=True)
class Record:
    """What is kept of a revision in the cluster, whatever becomes of the status.

    `created` tells which of two is the older one: of what runs, when its Deployment was made.
    `rejected` is why it was rolled back, `storage` where its models are from, empty of a revision
    from before that was kept.
    """

    models: tuple[PinnedModel, ...] = ()
    created: float = 0.0  # epoch seconds
    rejected: str = ""
    storage: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckRun:
    """A check's Job as it is. `passed` is None while it runs."""

    passed: bool | None
    message: str = ""


@dataclass(frozen=True)
class Retirement:
    """What the registry says of a version: deprecated, or archived, which is started no more.

    It is of the content with this digest, where the registry knows one: another team's model may
    have the same name and version.
    """

    archived: bool
    digest: str | None = None
    why: str = ""


Retired = Mapping[tuple[str, str], Retirement]  # by name and version of a model


@dataclass(frozen=True)
class Observed:
    """Everything a decision depends on. `now` is in seconds since the epoch.

    `spec` is None where it can't be understood, `wanted` where it isn't resolved yet; `problem`
    then says why. `pins` is what its versions mean; `newer`: what they are is not known yet, but
    surely neither the stable nor the candidate. `readings` is None between two evaluations, and
    while Prometheus is asked: then `asking` is true, and another look comes with the answer.
    `testers` is whom `candidateHeader` leads to now, where that isn't as `traffic` says. `route` is
    None where there is no HTTPRoute to ask about. `records` and `scalings` are by
    revision, `checks` by the name of the check: of the candidate only. `retired` is of the whole
    registry, as it was read last; empty without one. `followed` is what another look at the
    versions has found, where there was one. `uid` is the ModelDeployment's.
    """

    now: float
    namespace: str
    name: str
    generation: int
    spec: ModelDeploymentSpec | None
    status: ModelDeploymentStatus
    wanted: Wanted | None = None
    problem: Problem | None = None
    pins: Pins | None = None
    newer: bool = False
    action: str = ""
    revisions: Mapping[str, RevisionState] = field(default_factory=dict)
    traffic: Mapping[str, int] = field(default_factory=dict)
    testers: str | None = None
    readings: Readings | None = None
    asking: bool = False
    route: Route | None = None
    scalings: Mapping[str, Scaling] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)
    checks: Mapping[str, CheckRun] = field(default_factory=dict)
    retired: Retired = field(default_factory=dict)
    followed: Pins | Problem | None = None
    uid: str | None = None

    def revision(self, name: str) -> RevisionState:
        return self.revisions.get(name, RevisionState(name))

    def why_not_ready(self, revision: str) -> str:
        """Return why pods are missing, for people: what pods say, else what keeps them from being
        made. Empty where nothing is known.
        """
        why = self.revision(revision).why_not_ready
        if why or self.problem is None or self.problem.reason != REFUSED:
            return why
        return f"the API server refuses what was asked of it: {self.problem.message}"

    def share(self, revision: str) -> int:
        """Percent of the traffic that a revision really has."""
        return self.traffic.get(revision, 0)
