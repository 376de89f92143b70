"""One evaluation of the candidate: signals and health become held time, or a rejection.

Neighbours: `signals` judges the numbers; `decide` calls `evaluate` when an interval is over and
readings were taken; `advance` takes the step that an evaluation earns.
"""

import math
from dataclasses import replace

from ...api.duration import human, seconds
from ...api.spec import ModelDeploymentSpec
from ...api.status import (
    CandidateStatus,
    Evidence,
    ModelDeploymentStatus,
    RejectReason,
)
from ..observed import Observed, Readings, RevisionReadings
from ..plan.capacity import plan_replicas
from ..plan.traffic import reached
from ..signals import health, registry
from ..signals.baseline import excused, missing, of_broken_stable, stable_is_broken
from ..signals.error_rate import NAME as ERROR_RATE
from ..signals.evidence import NO_SERIES, Given, Input, Pods, fails, no_data
from ..signals.kept import baseline_of
from ..signals.samples.counts import by_model
from ..signals.samples.query import PREDICTIONS
from ..times import epoch, rfc3339
from . import changes
from .changes import update


def next_evaluation(spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> float | None:
    """Return when the candidate is to be evaluated next, in seconds since the epoch.

    Evaluations fall on multiples of the interval, so that all ModelDeployments of one interval
    share one answer of Prometheus. None where there is no candidate.
    """
    candidate = status.candidate
    if candidate is None:
        return None
    interval = seconds(spec.rollout.analysis.interval)
    last = epoch(candidate.evaluated_at or candidate.started_at)
    return (math.floor(last / interval) + 1) * interval


def evaluate(
    o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus
) -> ModelDeploymentStatus:
    """Judge the candidate once. Without readings (between two intervals) nothing changes."""
    candidate, readings = status.candidate, o.readings
    if candidate is None or readings is None:
        return status
    analysis = spec.rollout.analysis
    broken = stable_is_broken(o, spec, status)
    if broken:
        readings = replace(readings, stable=RevisionReadings())  # it is no measure of anything
    if candidate.weight < 100:
        kept = candidate.baseline
        if broken:
            kept = of_broken_stable(kept, o.now)
        else:
            kept = baseline_of(analysis, readings, kept, o.now)
        candidate = candidate.model_copy(update={"baseline": kept})
    if candidate.step == 0:
        return _before_first(o, spec, status, candidate, readings)

    planned = plan_replicas(o, spec, status).get(candidate.revision, candidate.pods)
    candidate, pods = _health(o, candidate, planned)
    i = Input(
        analysis=analysis,
        readings=readings,
        now=o.now,
        kept=candidate.baseline,
        given=_given(o, spec, status, candidate),
        pods=pods,
    )
    evidence = registry.judge(i)
    if not candidate.weight:
        evidence = [
            *_unmeasured(readings, o.now),
            *(e for e in evidence if e.signal == health.NAME),
        ]
    if broken:
        evidence = [excused(e) for e in evidence]
    status = update(status, signals=evidence)
    failed = [e for e in evidence if fails(e)]
    if failed:
        return _fail(o, spec, update(status, candidate=candidate), failed[0])
    if any(map(missing, evidence)):
        return _blind(o, spec, status, candidate, evidence)
    well = pods.failures == 0 or analysis.health is None or not analysis.health.enforced
    if well and reached(o, spec, candidate, status.stable):
        candidate = _hold(o, spec, candidate)
    candidate = candidate.model_copy(update={"evaluated_at": rfc3339(o.now), "blind_since": None})
    return update(status, candidate=candidate)


def _given(
    o: Observed,
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    candidate: CandidateStatus,
) -> Given:
    """Return the share that the candidate really has; it counts from the last change of any."""
    times = [epoch(t) for t in (status.traffic_since, candidate.step_at) if t is not None]
    return Given(
        share=o.share(candidate.revision),
        since=max(times, default=o.now),
        exact=spec.traffic.router == "gateway",
    )


def _before_first(
    o: Observed,
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    candidate: CandidateStatus,
    readings: Readings,
) -> ModelDeploymentStatus:
    """Not tried yet: of interest is only whether Prometheus would see it fail."""
    absent = _unmeasured(readings, o.now) if o.revision(candidate.revision).ready else []
    status = update(status, signals=absent)
    if absent:
        return _blind(o, spec, status, candidate, absent)
    candidate = candidate.model_copy(update={"evaluated_at": rfc3339(o.now), "blind_since": None})
    return update(status, candidate=candidate)


def _unmeasured(readings: Readings, now: float) -> list[Evidence]:
    """Return why errors of a candidate without traffic would not be seen; else nothing."""
    if problem := readings.problems.get(PREDICTIONS.name):
        return [no_data(ERROR_RATE, problem.reason, problem.message, now)]
    if not by_model(readings.candidate):
        text = "Prometheus has not measured the candidate's pods twice yet"
        return [no_data(ERROR_RATE, NO_SERIES, text, now, samples=0)]
    return []


def _hold(o: Observed, spec: ModelDeploymentSpec, candidate: CandidateStatus) -> CandidateStatus:
    """Add the time since the last evaluation, if that one could see.

    An operator that was away didn't watch: a gap counts as one interval at most, give or take.
    """
    interval = seconds(spec.rollout.analysis.interval)
    since = max(epoch(t) for t in (candidate.step_at, candidate.evaluated_at) if t is not None)
    watched = 0.0 if candidate.blind_since else min(o.now - since, 1.5 * interval)
    held = round(candidate.held_seconds + max(0.0, watched), 3)
    return candidate.model_copy(update={"held_seconds": held, "passes": candidate.passes + 1})


def _health(o: Observed, candidate: CandidateStatus, planned: int) -> tuple[CandidateStatus, Pods]:
    """Count evaluations in a row in which a pod isn't ready or has restarted.

    Expected are the pods that the weight was given to, or what is planned now if that is less: the
    spec's replicas or router may have been edited since, and an autoscaler may save.
    """
    state = o.revision(candidate.revision)
    expected = min(candidate.pods, planned)
    unwell = state.ready < expected or state.restarts > candidate.restarts
    failures = candidate.health_failures + 1 if unwell else 0
    candidate = candidate.model_copy(
        update={"health_failures": failures, "restarts": state.restarts}
    )
    return candidate, Pods(
        ready=state.ready,
        expected=expected,
        restarts=state.restarts,
        failures=failures,
        count=len(state.pods),
        why=state.why_not_ready,
    )


def _fail(
    o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus, evidence: Evidence
) -> ModelDeploymentStatus:
    reason = registry.reason_of(evidence)
    status = changes.fail(o, spec, status, reason, evidence.message, evidence)
    if status.candidate is None:
        return status
    seen = status.candidate.model_copy(update={"evaluated_at": rfc3339(o.now)})
    return update(status, candidate=seen)


def _blind(
    o: Observed,
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    candidate: CandidateStatus,
    measured: list[Evidence],
) -> ModelDeploymentStatus:
    """The clock of the step stands still; after `noData.after` the policy says what follows."""
    policy = spec.rollout.analysis.no_data
    since = candidate.blind_since or rfc3339(o.now)
    candidate = candidate.model_copy(update={"evaluated_at": rfc3339(o.now), "blind_since": since})
    status = update(status, candidate=candidate)
    blind_for = o.now - epoch(since)
    if policy.policy == "Rollback" and blind_for >= seconds(policy.after):
        absent = next(filter(missing, measured))
        text = f"no data for {human(blind_for)}: {absent.message}"
        return changes.fail(o, spec, status, RejectReason.NO_DATA, text, absent)
    return status
