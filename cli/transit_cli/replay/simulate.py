"""One past rollout under a policy: `decide` is asked at each evaluation, with the figures of then.

Traffic and pods do at once what a decision asks for, as far as pods were really ready. What the
figures can't tell is left as it was: they were measured under the weights that the rollout really
had, and end when it ended. Commands of people are not repeated, and checks are taken as passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from transit_operator.api.analysis import TrafficArrives
from transit_operator.api.spec import ModelDeploymentSpec
from transit_operator.api.status import (
    Former,
    ModelDeploymentStatus,
    Phase,
    PinnedModel,
    StableStatus,
    Transition,
)
from transit_operator.core.decide import decide
from transit_operator.core.decision import Decision
from transit_operator.core.observed import (
    CheckRun,
    Observed,
    Pod,
    Problem,
    Readings,
    RevisionReadings,
    RevisionState,
    Wanted,
)
from transit_operator.core.rules.evaluate import next_evaluation
from transit_operator.core.signals.samples.query import own
from transit_operator.core.times import epoch, rfc3339

from .past import Figures, Past, Samples

_SETTLES = 20  # looks at one moment, at most


@dataclass(frozen=True)
class Replayed:
    """What a policy would have decided. `end` is None where the figures end before it did."""

    end: str | None
    at: float | None
    message: str
    steps: tuple[tuple[float, int], ...]
    transitions: tuple[Transition, ...]


@dataclass
class _World:
    status: ModelDeploymentStatus
    traffic: Mapping[str, int] = field(default_factory=dict)
    replicas: Mapping[str, int] = field(default_factory=dict)


def replay(past: Past, spec: ModelDeploymentSpec) -> Replayed:
    """Return what would have been decided."""
    figures = Figures(past)
    world = _World(_before(past), {past.stable: 100}, {past.stable: spec.pods})
    told: list[Transition] = []
    end = _last(past, figures)
    now = past.started
    while now <= end:
        for _ in range(_SETTLES):
            before = (world.status, world.traffic, world.replicas)
            decision = decide(_observed(past, spec, world, figures, now, _real(past.given, now)))
            _do(world, decision)
            told += decision.transitions
            over = next((t for t in told if t.reason in ("Rejected", "Promoted", "Paused")), None)
            if over is not None:
                return _replayed(over.reason, now, over.message, told)
            if before == (world.status, world.traffic, world.replicas):
                break
        now = _next(past, decision, now)
    return _replayed(None, None, world.status.message or "", told)


def _before(past: Past) -> ModelDeploymentStatus:
    stable = StableStatus(
        revision=past.stable,
        models=[PinnedModel.model_validate(m) for m in past.stable_models],
        healthy_since=rfc3339(past.started - 1),
    )
    lately = Former(revision=past.candidate, until=rfc3339(past.started))
    return ModelDeploymentStatus(
        phase=Phase.STABLE, stable=stable, formerly=[lately] if past.straight else []
    )


def _last(past: Past, figures: Figures) -> float:
    """Return the time of the last figure of the candidate's rollout."""
    times = [p[0] for found in past.series.values() for one in found for p in one.points[-1:]]
    return max(times, default=past.ended or past.started)


def _next(past: Past, decision: Decision, now: float) -> float:
    """Return the next evaluation's time, or an earlier one at which the decision asks to look."""
    tick = (int(now / past.interval + 1e-6) + 1) * past.interval
    wake = decision.wake_at
    return wake if wake is not None and now < wake < tick else tick


def _do(world: _World, decision: Decision) -> None:
    world.status = decision.status
    world.traffic = dict(decision.weights)
    kept = {name: world.replicas[name] for name in decision.keep if name in world.replicas}
    world.replicas = kept | dict(decision.replicas)


def _real(real: Mapping[float, int], now: float) -> int:
    """Return the weight that the candidate really had."""
    given = [weight for at, weight in sorted(real.items()) if at <= now]
    return given[-1] if given else 0


def _observed(
    past: Past, spec: ModelDeploymentSpec, world: _World, figures: Figures, now: float, had: int
) -> Observed:
    due = next_evaluation(spec, world.status, now)
    if world.traffic.get(past.candidate, 0) != had:
        # Its share was another one then: how much should have come can't be told.
        off = {"traffic": TrafficArrives(mode="Off")}
        analysis = spec.rollout.analysis.model_copy(update=off)
        rollout = spec.rollout.model_copy(update={"analysis": analysis})
        spec = spec.model_copy(update={"rollout": rollout})
    return Observed(
        now=now,
        namespace=past.namespace,
        name=past.name,
        generation=1,
        spec=spec,
        status=world.status,
        wanted=Wanted(past.candidate, tuple(PinnedModel.model_validate(m) for m in past.models)),
        revisions={
            n: _revision(past, n, count, figures, now) for n, count in world.replicas.items()
        },
        traffic=dict(world.traffic),
        readings=_readings(past, figures, now) if due is not None and due <= now else None,
        checks={check.name: CheckRun(True) for check in spec.rollout.checks},
    )


def _revision(past: Past, name: str, count: int, figures: Figures, now: float) -> RevisionState:
    """Return a revision's pods: ready, as many as said so then; all, where nobody said anything.

    The stable's are taken as ready: they have been, and shrink with what really happened.
    """
    ready = count
    if figures.knows_pods and name == past.candidate:
        ready = min(count, figures.ready_at(now, name))
    pods = tuple(Pod(f"{name}-{n}", ready=n < ready, starting=n >= ready) for n in range(count))
    return RevisionState(name, count, pods)


def _readings(past: Past, figures: Figures, now: float) -> Readings:
    owner = f"{past.namespace}/{past.name}"
    found: dict[str, dict[str, tuple[object, ...]]] = {past.candidate: {}, past.stable: {}}
    for query, samples in figures.at(now).items():
        believed = own(samples, past.namespace_label)
        for revision, mine in found.items():
            if series := believed.samples.get((owner, revision)):
                mine[query] = series
    custom = {name: _single(samples) for name, samples in figures.custom_at(now).items()}
    return Readings(
        candidate=RevisionReadings(found[past.candidate]),  # type: ignore[arg-type]
        stable=RevisionReadings(found[past.stable]),  # type: ignore[arg-type]
        custom=custom,
    )


def _single(samples: Samples) -> float | Problem:
    if len(samples) == 1:
        return samples[0][1]
    reason = "ManySeries" if samples else "NoSeries"
    return Problem(reason, f"the query has {len(samples)} results, it must have one")


def _replayed(end: str | None, at: float | None, message: str, told: list[Transition]) -> Replayed:
    steps = tuple((epoch(t.time), t.weight or 0) for t in told if t.reason == "StepReached")
    return Replayed(end, at, message, steps, tuple(told))
