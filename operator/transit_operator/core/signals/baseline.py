"""When the stable revision is no measure, and what is then made of the comparisons with it.

A candidate may be the fix of a broken stable: it must not be held because there is nothing to
compare with, nor rolled back for being slower than an error. Error rate, health and custom metrics
judge it alone (docs/decisions/0010-broken-stable.md). The same holds at 100 % where nothing was
kept: a stable without traffic never gives a figure again. Neighbours: `evaluate` asks, `signals`
compares.
"""

from collections.abc import Iterable
from dataclasses import replace

from ...api.spec import ModelDeploymentSpec
from ...api.status import Baseline, Evidence, ModelDeploymentStatus, Verdict
from ..observed import Observed
from ..times import rfc3339
from .error_rate import fails_as_a_whole
from .evidence import NO_BASELINE, NO_CLASSES, Input
from .invalid import NAME as INVALID
from .registry import compared
from .traffic import NOT_TAKEN

STABLE_BROKEN = "StableBroken"
NOTHING_KEPT = "NothingKept"
# Reasons of NoData that can't change by waiting.
_HARMLESS = (STABLE_BROKEN, NOTHING_KEPT, NO_CLASSES)


def stable_is_broken(o: Observed, spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> bool:
    """Tell whether the stable has no ready pod, or fails by its own error rate.

    Rows on which both fail break neither: whoever sends them would switch all comparisons off. At
    100 % it has no traffic to be judged by: then what was kept of it says so, if anything was.
    """
    stable, candidate = status.stable, status.candidate
    if stable is None or candidate is None:
        return False
    if candidate.weight == 100 and candidate.baseline is not None:
        return candidate.baseline.broken
    if o.revision(stable.revision).ready == 0:
        return True
    if o.readings is None:
        return False
    own = replace(o.readings, candidate=o.readings.stable, stable=o.readings.candidate)
    return fails_as_a_whole(Input(spec.rollout.analysis, own, o.now))


def of_broken_stable(kept: Baseline | None, now: float) -> Baseline:
    """Return what to keep: figures from when the stable was sound, else a note that it wasn't."""
    return kept if kept is not None else Baseline(broken=True, time=rfc3339(now))


def excused(evidence: Evidence) -> Evidence:
    """Return the evidence of a comparison that a broken stable makes impossible."""
    if not compared(evidence) or evidence.reason != NO_BASELINE:
        return evidence
    text = "the stable revision is broken: nothing to compare with"
    return evidence.model_copy(update={"reason": STABLE_BROKEN, "message": text})


def without_figures(evidence: Evidence) -> Evidence:
    """Return the evidence of a comparison at 100 %, with a stable that has no traffic any more.

    Figures are kept below 100 %. It has none if it got here by command, if its status was lost, or
    if the spec asks for this comparison only now. Invalid requests are the exception: nothing else
    would see them, so a person has to decide.
    """
    if not compared(evidence) or evidence.reason != NO_BASELINE:
        return evidence
    if evidence.signal == INVALID:
        text = f"{evidence.message}, and never will: abort, or promote, decides"
        return evidence.model_copy(update={"message": text})
    text = "no figure of the stable was kept, and it has no traffic: nothing to compare with"
    return evidence.model_copy(update={"reason": NOTHING_KEPT, "message": text})


def absent(signals: Iterable[Evidence]) -> list[Evidence]:
    """Return what has no data that it should have, first what explains the rest."""
    return sorted(filter(missing, signals), key=lambda found: found.reason != NOT_TAKEN)


def missing(evidence: Evidence) -> bool:
    """Tell whether a signal has no data that it should have: then no step may be taken."""
    held = evidence.verdict is Verdict.NO_DATA and evidence.mode is None
    return held and evidence.reason not in _HARMLESS
