"""Observe: all reads, into one frozen value. Kubernetes from the cache, signals from Prometheus."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import ValidationError

from ..api import names
from ..api.analysis import Analysis
from ..api.spec import ModelDeploymentSpec
from ..api.status import ModelDeploymentStatus, Pins, read_status
from ..core.objects.build import Object, Owner
from ..core.objects.checks import check_runs
from ..core.objects.resolver import answers
from ..core.objects.revision import needs_resolving, wanted
from ..core.observed import Observed, Problem, Readings
from ..core.rules.evaluate import next_evaluation
from ..routers import for_spec
from .cache import Cache, Key
from .pods import revision_states
from .records import records


@dataclass(frozen=True)
class Snapshot:
    """The observed value, and the raw objects that executing a decision compares with."""

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


class Observer:
    """Gathers snapshots."""

    def __init__(
        self, cache: Cache, prometheus: Measures, clock: Callable[[], float] = time.time
    ) -> None:
        self._cache = cache
        self._prometheus = prometheus
        self._clock = clock

    def due(self, key: Key) -> bool:
        """Tell whether an evaluation is due, for which Prometheus is to be asked."""
        return self._due(key) is not None

    async def readings(self, key: Key) -> Readings | None:
        """Ask Prometheus if an evaluation is due; between two there is nothing to ask."""
        due = self._due(key)
        if due is None:
            return None
        spec, candidate, stable = due
        return await self._prometheus.readings(
            spec.rollout.analysis, "/".join(key), candidate=candidate, stable=stable
        )

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
        live = self._cache.owned(key)
        spec, status, problem = _parsed(mdep)
        owner = Owner(namespace, name, mdep["metadata"]["uid"])
        states = revision_states(live)
        target, pins = None, status.pins
        if spec is not None and problem is None:
            pins, problem = _pinned(spec, status.pins, live, now)
            if problem is None:
                target = wanted(spec, pins)
        ready = {revision: state.ready for revision, state in states.items()}
        if spec is not None:
            traffic = for_spec(spec).weights(owner, live, ready)
        else:
            traffic = {weight.revision: weight.weight for weight in status.traffic}
        observed = Observed(
            now=now,
            namespace=namespace,
            name=name,
            generation=mdep["metadata"]["generation"],
            spec=spec,
            status=status,
            wanted=target,
            problem=problem,
            pins=pins,
            action=(mdep["metadata"].get("annotations") or {}).get(names.ANNOTATION_ACTION, ""),
            revisions=states,
            traffic=traffic,
            readings=readings,
            asking=asking,
            records=records(live),
            checks=check_runs(owner, spec, status, live) if spec is not None else {},
        )
        return Snapshot(observed, owner, mdep, live)

    def _due(self, key: Key) -> tuple[ModelDeploymentSpec, str, str] | None:
        """Return spec, candidate and stable revision if an evaluation is due now."""
        mdep = self._cache.mdep(key)
        if mdep is None or mdep["metadata"].get("deletionTimestamp"):
            return None
        spec, status, _ = _parsed(mdep)
        if spec is None or status.candidate is None or status.stable is None:
            return None
        now = self._clock()
        due = next_evaluation(spec, status, now)
        if due is None or now < due:
            return None
        return spec, status.candidate.revision, status.stable.revision


def _pinned(
    spec: ModelDeploymentSpec, pins: Pins | None, live: dict[tuple[str, str], Object], now: float
) -> tuple[Pins | None, Problem | None]:
    """Return what the aliases mean: as kept, else as a resolver pod answers, else why not yet."""
    if not needs_resolving(spec, pins):
        return pins, None
    found = answers(live, spec, now)
    return (found, None) if isinstance(found, Pins) else (pins, found)


def _parsed(
    mdep: Object,
) -> tuple[ModelDeploymentSpec | None, ModelDeploymentStatus, Problem | None]:
    status = read_status(mdep.get("status") or {})
    try:
        return ModelDeploymentSpec.model_validate(mdep["spec"]), status, None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in ("spec", *first["loc"]))
        return None, status, Problem("SpecInvalid", f"{field}: {first['msg']}")
