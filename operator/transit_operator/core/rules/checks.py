"""Checks before the first share: Jobs of the user that must pass, each once for a candidate.

That they shall run is in the status (`candidate.checkedAt`); `objects.checks` builds the Jobs. One
that the API server refuses is waited for like any other, so that its template can be mended.
Neighbour: `advance` asks, when the pods are ready and Prometheus sees them.
"""

from ...api.duration import human, seconds
from ...api.rollout import Check
from ...api.spec import ModelDeploymentSpec
from ...api.status import CheckStatus, RejectReason
from ..observed import CheckRun, Observed
from ..signals.evidence import capped
from ..state import Rollout, Trying
from ..times import epoch, rfc3339
from . import changes

GRACE_SECONDS = 60.0  # for the Job's own time limit to be noticed
WORDS_LENGTH = 500


def pass_checks(
    o: Observed, spec: ModelDeploymentSpec, rollout: Rollout, state: Trying
) -> tuple[Rollout, bool]:
    """Return the rollout with the checks as they are, and whether all have passed."""
    since = state.candidate.checked_at or rfc3339(o.now)
    found = [_status(check, _run(o, check, since)) for check in spec.rollout.checks]
    candidate = state.candidate.model_copy(update={"checked_at": since, "checks": found})
    rollout = rollout.to(Trying(state.stable, candidate, state.paused))
    failed = next((check for check in found if check.state == "Failed"), None)
    if failed is not None:
        text = f"{failed.name}: {failed.message or 'its Job failed'}"
        return changes.fail(o, spec, rollout, RejectReason.CHECK, text), False
    return rollout, all(check.state == "Passed" for check in found)


def _run(o: Observed, check: Check, since: str) -> CheckRun:
    run = o.checks.get(check.name)
    if run is None:
        run = CheckRun(None, f"no Job yet: {o.problem.message}" if o.problem is not None else "")
    limit = seconds(check.timeout)
    if run.passed is None and o.now - epoch(since) >= limit + GRACE_SECONDS:
        why = f", {run.message}" if run.message else ""
        return CheckRun(False, f"no result after {human(limit)}{why}")
    return run


def _status(check: Check, run: CheckRun) -> CheckStatus:
    states: dict[bool | None, str] = {None: "Running", True: "Passed", False: "Failed"}
    return CheckStatus.model_validate(
        {
            "name": check.name,
            "state": states[run.passed],
            "message": capped(run.message, WORDS_LENGTH),
        }
    )
