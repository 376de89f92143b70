"""Observe: all reads, into one frozen value. Kubernetes from the cache, signals from Prometheus."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from pydantic import ValidationError

from ...api import names
from ...api.analysis import Analysis
from ...api.spec import ModelDeploymentSpec
from ...api.status import ModelDeploymentStatus, read_status
from ...core.objects.build import Object, Owner
from ...core.objects.checks import check_runs
from ...core.objects.scaling.said import scalings
from ...core.objects.sought import Sought, replaced, seek
from ...core.observed import Observed, Problem, Readings, Retired, Route
from ...core.rules.evaluate import next_evaluation
from ...core.times import epoch
from ...routers import for_spec
from ...routers.acceptance import acceptance
from .cache import Cache, Key
from .ownership import ours
from .pods import revision_states
from .records import records


@dataclass(frozen=True)
class Snapshot:
    """The observed value, and the raw objects that executing a decision compares with.

    `live` has what is this ModelDeployment's own, and nothing that only carries its labels.
    """

    observed: Observed
    owner: Owner
    mdep: Object
    live: dict[tuple[str, str], Object]


class Measures(Protocol):
    """Where readings come from: `adapters.prometheus`."""

    async def readings(
        self, analysis: Analysis, model_deployment: str, candidate: str, stable: str
    ) -> Readings:
        """Return what was measured of two revisions. Never raises for bad answers."""
        ...


@dataclass(frozen=True)
class Due:
    """What Prometheus is to be asked for one evaluation: of which revisions, and by what rules."""

    analysis: Analysis
    candidate: str
    stable: str


class Observer:
    """Gathers snapshots."""

    def __init__(
        self, cache: Cache, prometheus: Measures, clock: Callable[[], float] = time.time
    ) -> None:
        self.retired: Retired = {}  # as the registry said last
        self._cache = cache
        self._prometheus = prometheus
        self._clock = clock

    def due(self, key: Key) -> Due | None:
        """Return what Prometheus is to be asked if an evaluation is due now."""
        mdep = self._cache.mdep(key)
        if mdep is None or mdep["metadata"].get("deletionTimestamp"):
            return None
        if not (mdep.get("status") or {}).get("candidate"):
            return None  # most are settled: nothing else of them needs to be understood
        spec, status, _ = _parsed(mdep)
        if spec is None or status.candidate is None or status.stable is None:
            return None
        now = self._clock()
        at = next_evaluation(spec, status, now)
        if at is None or now < at:
            return None
        return Due(spec.rollout.analysis, status.candidate.revision, status.stable.revision)

    async def readings(self, key: Key, due: Due | None = None) -> Readings | None:
        """Ask Prometheus what is `due`; between two evaluations there is nothing to ask."""
        due = due or self.due(key)
        if due is None:
            return None
        found = await self._prometheus.readings(
            due.analysis, "/".join(key), candidate=due.candidate, stable=due.stable
        )
        return replace(found, of=(due.candidate, due.stable))

    def look(self, key: Key, readings: Readings | None, asking: bool = False) -> Snapshot | None:
        """Return everything about a ModelDeployment, or None if there is none (any more).

        `readings` were asked for before, so that this picture of the cluster is a fresh one;
        `asking`: they are being asked for now.
        """
        mdep = self._cache.mdep(key)
        if mdep is None or mdep["metadata"].get("deletionTimestamp"):
            return None
        now = self._clock()
        namespace, name = key
        spec, status, problem = _parsed(mdep)
        if readings is not None and readings.of not in (None, _compared(status)):
            readings = None  # another one is tried since they were asked for
        meta = mdep["metadata"]
        owner = Owner(namespace, name, meta["uid"], epoch(meta["creationTimestamp"]))
        live = ours(owner, self._cache.owned(key))
        states, kept = revision_states(live), records(live)
        sought = Sought(pins=status.pins)
        if spec is not None and problem is None:
            sought = seek(spec, status, kept, live, now)
            problem = sought.problem or replaced(states.values())
        ready = {revision: state.ready for revision, state in states.items()}
        if spec is not None:
            router = for_spec(spec)
            traffic, testers = router.weights(owner, live, ready), router.testers(owner, live)
        else:
            traffic = {weight.revision: weight.weight for weight in status.traffic}
            testers = status.testers
        observed = Observed(
            now=now,
            namespace=namespace,
            name=name,
            generation=mdep["metadata"]["generation"],
            spec=spec,
            status=status,
            wanted=sought.wanted,
            problem=problem,
            pins=sought.pins,
            newer=sought.newer,
            followed=sought.followed,
            uid=owner.uid,
            action=(mdep["metadata"].get("annotations") or {}).get(names.ANNOTATION_ACTION, ""),
            revisions=states,
            traffic=traffic,
            testers=testers,
            readings=readings,
            asking=asking,
            route=self._route(spec, live, name),
            scalings=scalings(live, now),
            records=kept,
            checks=check_runs(owner, spec, status, live) if spec is not None else {},
            retired=self.retired,
        )
        return Snapshot(observed, owner, mdep, live)

    def _route(
        self, spec: ModelDeploymentSpec | None, live: dict[tuple[str, str], Object], name: str
    ) -> Route | None:
        """Return what is known of our route, where the spec asks for one and it is there."""
        route = live.get(("HTTPRoute", name))
        if spec is None or spec.traffic.router != "gateway" or route is None:
            return None
        return acceptance(route, self._clock(), self._cache.claims.of(route))


def _compared(status: ModelDeploymentStatus) -> tuple[str, str] | None:
    """Return the candidate and the stable, if there are both."""
    if status.candidate is None or status.stable is None:
        return None
    return status.candidate.revision, status.stable.revision


def _parsed(
    mdep: Object,
) -> tuple[ModelDeploymentSpec | None, ModelDeploymentStatus, Problem | None]:
    status = read_status(mdep.get("status") or {})
    if status.resource_uid not in (None, mdep["metadata"]["uid"]):
        status = ModelDeploymentStatus()  # restored, from another cluster or another life
    try:
        return ModelDeploymentSpec.model_validate(mdep["spec"]), status, None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in ("spec", *first["loc"]))
        return None, status, Problem("SpecInvalid", f"{field}: {first['msg']}")
