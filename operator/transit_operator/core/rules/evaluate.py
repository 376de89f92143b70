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
    Verdict,
)
from ..observed import Observed, Readings, RevisionReadings
from ..plan.capacity import plan_replicas
from ..plan.traffic import reached
from ..signals import judge as signals
from ..signals.accuracy import ACCURACY
from ..signals.baseline import excused, missing, of_broken_stable, stable_is_broken
from ..signals.evidence import NO_SERIES, no_data
from ..times import epoch, rfc3339
from . import changes
from .changes import update

_REASONS = {
    signals.ERROR_RATE: RejectReason.ERROR_RATE,
    signals.LATENCY: RejectReason.LATENCY,
    signals.DRIFT: RejectReason.DRIFT,
    ACCURACY: RejectReason.ACCURACY,
    signals.HEALTH: RejectReason.HEALTH,
}


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
            kept = signals.baseline_of(readings, kept, analysis.min_samples, o.now)
        candidate = candidate.model_copy(update={"baseline": kept})
    if candidate.step == 0:
        return _before_first(o, spec, status, candidate, readings)

    if candidate.weight:
        measured = signals.judge(analysis, readings, candidate.baseline, o.now)
    else:
        measured = _unmeasured(readings, o.now)
    if broken:
        measured = [excused(e) for e in measured]
    planned = plan_replicas(o, spec, status).get(candidate.revision, candidate.pods)
    candidate, health = _health(o, spec, candidate, planned)
    evidence = [*measured, health]
    status = update(status, signals=evidence)
    failed = [e for e in evidence if e.verdict is Verdict.FAIL]
    if failed:
        return _fail(o, spec, update(status, candidate=candidate), failed[0])
    if any(map(missing, measured)):
        return _blind(o, spec, status, candidate, measured)
    if health.value == 0 and reached(o, spec, candidate, status.stable):
        candidate = _hold(o, spec, candidate)
    candidate = candidate.model_copy(update={"evaluated_at": rfc3339(o.now), "blind_since": None})
    return update(status, candidate=candidate)


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
    if problem := readings.problems.get(signals.ERROR_RATE):
        return [no_data(signals.ERROR_RATE, problem.reason, problem.message, now)]
    if readings.candidate.counts is None:
        text = "Prometheus has not measured the candidate's pods twice yet"
        return [no_data(signals.ERROR_RATE, NO_SERIES, text, now, samples=0)]
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


def _health(
    o: Observed, spec: ModelDeploymentSpec, candidate: CandidateStatus, planned: int
) -> tuple[CandidateStatus, Evidence]:
    """Count evaluations in a row in which a pod isn't ready or has restarted.

    Expected are the pods that the weight was given to, or what is planned now if that is less: the
    spec's replicas or router may have been edited since, and an autoscaler may save.
    """
    limit = spec.rollout.analysis.health.consecutive_failures
    state = o.revision(candidate.revision)
    expected = min(candidate.pods, planned)
    restarted = state.restarts > candidate.restarts
    unwell = state.ready < expected or restarted
    failures = candidate.health_failures + 1 if unwell else 0
    candidate = candidate.model_copy(
        update={"health_failures": failures, "restarts": state.restarts}
    )
    if not unwell:
        text = f"{state.ready} of {expected} pods ready, no restart"
    else:
        text = f"{state.ready} of {expected} pods ready"
        text += f", {state.restarts} restarts" if state.restarts else ""
        text += f", {failures} evaluations in a row (limit {limit})"
        text += f": {state.why_not_ready}" if state.why_not_ready else ""
    return candidate, Evidence(
        signal=signals.HEALTH,
        verdict=Verdict.FAIL if failures >= limit else Verdict.PASS,
        value=failures,
        threshold=limit,
        samples=len(state.pods),
        time=rfc3339(o.now),
        message=text,
    )


def _fail(
    o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus, evidence: Evidence
) -> ModelDeploymentStatus:
    reason = _REASONS.get(evidence.signal, RejectReason.CUSTOM)
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
