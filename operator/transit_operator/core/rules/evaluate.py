"""One evaluation of the candidate: signals and health become held time, or a rejection.

Neighbours: `signals` judges the numbers, `health` the pods; `decide` calls `evaluate` when an
interval is over and readings were taken; `advance` takes the step that an evaluation earns.
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
from ..observed import NOT_SAID, Observed, RevisionReadings
from ..plan.reached import reached
from ..plan.steps import place, steps_of
from ..signals import health, registry
from ..signals.baseline import (
    absent,
    excused,
    missing,
    of_broken_stable,
    stable_is_broken,
    without_figures,
)
from ..signals.error_rate import NAME as ERROR_RATE
from ..signals.evidence import NO_SERIES, Given, Input, fails, no_data
from ..signals.kept import baseline_of
from ..signals.samples.counts import by_model
from ..signals.samples.query import PREDICTIONS
from ..state import Rollout, Trying, to_status
from ..times import epoch, rfc3339
from . import changes
from .dependencies import see_dependencies
from .health import count_failures

_SHORT_WINDOW = 120.0  # Prometheus scrapes once a minute if nobody says otherwise


def next_evaluation(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, now: float
) -> float | None:
    """Return when the candidate is to be evaluated next, in seconds since the epoch.

    Evaluations fall on multiples of the interval, so that all ModelDeployments of one interval
    share one answer of Prometheus. One that is said to have been in the future (the clock was set
    back) is due now. None where nothing is tried: a candidate that waits for a retreat to end is
    not.
    """
    candidate = status.candidate
    if candidate is None or status.retreat is not None:
        return None
    interval = seconds(spec.rollout.analysis.interval)
    last = epoch(candidate.evaluated_at or candidate.started_at)
    if last > now:
        return now
    return (math.floor(last / interval) + 1) * interval


def evaluate(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    """Judge the candidate once. Without readings (between two intervals) nothing changes."""
    state, readings = rollout.state, o.readings
    if not isinstance(state, Trying) or readings is None:
        return rollout
    state = see_dependencies(state, readings)
    rollout = rollout.to(state)
    analysis = spec.rollout.analysis
    broken = stable_is_broken(o, spec, to_status(rollout))
    if broken:
        readings = replace(readings, stable=RevisionReadings())  # it is no measure of anything
    candidate = state.candidate
    kept = candidate.baseline
    # With all traffic from the first moment (by command, or stable lately) it has none yet.
    if candidate.weight < 100 or (kept is None and not readings.problems):
        if broken:
            kept = of_broken_stable(kept, o.now)
        else:
            kept = baseline_of(analysis, readings, kept, o.now)
        candidate = candidate.model_copy(update={"baseline": kept})
    candidate, pods = count_failures(o, spec, candidate)
    state = Trying(state.stable, candidate, state.paused)
    i = Input(
        analysis=analysis,
        readings=readings,
        now=o.now,
        kept=candidate.baseline,
        given=_given(o, spec, rollout, candidate),
        pods=pods,
    )
    if candidate.step == 0:
        return _before_first(o, spec, rollout, state, i)

    evidence = registry.judge(i)
    if not candidate.weight:
        evidence = [*_unmeasured(i), *health.alone(i)]
    if broken:
        evidence = [excused(e) for e in evidence]
    elif candidate.weight == 100 and not o.share(state.stable.revision):
        evidence = [without_figures(e) for e in evidence]
    rollout = rollout.to(state, signals=evidence)
    failed = [e for e in evidence if fails(e)]
    if failed:
        return _fail(o, spec, rollout, failed[0])
    if any(map(missing, evidence)):
        return _blind(o, spec, rollout, state, evidence)
    well = pods.failures == 0 or analysis.health is None or not analysis.health.enforced
    if well and reached(o, spec, state):
        candidate = _hold(o, spec, candidate)
    return _seen(o, rollout, state, candidate)


def _given(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, candidate: CandidateStatus
) -> Given:
    """Return the share that the candidate really has; it counts from the last change of any."""
    steps = steps_of(spec, candidate)
    at = place(steps, candidate)
    times = [epoch(t) for t in (rollout.rest.traffic_since, candidate.step_at) if t is not None]
    return Given(
        share=o.share(candidate.revision),
        since=max(times, default=o.now),
        exact=spec.traffic.router == "gateway",
        before=steps[at - 2].weight if at > 1 else 0,
        untaken="" if o.route is None or o.route.accepted else o.route.message or NOT_SAID,
    )


def _seen(o: Observed, rollout: Rollout, state: Trying, candidate: CandidateStatus) -> Rollout:
    candidate = candidate.model_copy(update={"evaluated_at": rfc3339(o.now), "blind_since": None})
    return rollout.to(Trying(state.stable, candidate, state.paused))


def _before_first(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, state: Trying, i: Input
) -> Rollout:
    """Not tried yet: of interest is whether it dies again and again, and would be seen to fail."""
    ready = o.revision(state.candidate.revision).ready
    unseen = _unmeasured(i) if ready else []
    rollout = rollout.to(state, signals=unseen)
    # Pods that have not come up are what the deadline is for: the reason then is NotReady.
    sick = [e for e in health.alone(i) if fails(e)] if ready else []
    if sick:
        return _fail(o, spec, rollout.but(signals=[*unseen, *sick]), sick[0])
    if unseen:
        return _blind(o, spec, rollout, state, unseen)
    return _seen(o, rollout, state, state.candidate)


def _unmeasured(i: Input) -> list[Evidence]:
    """Return why errors of a candidate without traffic would not be seen; else nothing."""
    if problem := i.readings.problems.get(PREDICTIONS.name):
        return [no_data(ERROR_RATE, problem.reason, problem.message, i.now)]
    if not by_model(i.readings.candidate):
        text = "Prometheus has not measured the candidate's pods twice yet"
        if i.window < _SHORT_WINDOW:
            text += f"; is analysis.window, {human(i.window)}, shorter than two scrapes?"
        return [no_data(ERROR_RATE, NO_SERIES, text, i.now, samples=0)]
    return []


def _hold(o: Observed, spec: ModelDeploymentSpec, candidate: CandidateStatus) -> CandidateStatus:
    """Add the time since the last evaluation, if that one could see.

    An operator that was away didn't watch: a gap counts as one interval at most, give or take.
    """
    interval = seconds(spec.rollout.analysis.interval)
    times = [epoch(t) for t in (candidate.step_at, candidate.evaluated_at) if t is not None]
    since = max(min(at, o.now) for at in times)
    watched = 0.0 if candidate.blind_since else min(o.now - since, 1.5 * interval)
    held = round(candidate.held_seconds + watched, 3)
    return candidate.model_copy(update={"held_seconds": held, "passes": candidate.passes + 1})


def _fail(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, evidence: Evidence) -> Rollout:
    reason = registry.reason_of(evidence)
    rollout = changes.fail(o, spec, rollout, reason, evidence.message, evidence)
    state = rollout.state
    if not isinstance(state, Trying):
        return rollout
    seen = state.candidate.model_copy(update={"evaluated_at": rfc3339(o.now)})
    return rollout.to(Trying(state.stable, seen, state.paused))


def _blind(
    o: Observed,
    spec: ModelDeploymentSpec,
    rollout: Rollout,
    state: Trying,
    measured: list[Evidence],
) -> Rollout:
    """The clock of the step stands still; after `noData.after` the policy says what follows.

    That is two intervals at least: after each step there is no data at first. A candidate without
    traffic harms nobody: Prometheus may take a window to find its pods, which
    must be measured twice in one. Later it never will.
    """
    policy = spec.rollout.analysis.no_data
    since = state.candidate.blind_since or rfc3339(o.now)
    blind = {"evaluated_at": rfc3339(o.now), "blind_since": since}
    candidate = state.candidate.model_copy(update=blind)
    rollout = rollout.to(Trying(state.stable, candidate, state.paused))
    blind_for = o.now - epoch(since)
    first, interval = absent(measured)[0], seconds(spec.rollout.analysis.interval)
    least = max(seconds(policy.after), 2 * interval)
    if not candidate.weight and first.reason == NO_SERIES:
        least = max(least, seconds(spec.rollout.analysis.window))
    if policy.policy == "Rollback" and blind_for >= least:
        text = f"no data for {human(blind_for)}: {first.message}"
        return changes.fail(o, spec, rollout, RejectReason.NO_DATA, text, first)
    return rollout
