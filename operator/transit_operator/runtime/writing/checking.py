"""The Jobs of `rollout.checks`: tried at once, made once, taken away when nobody asks any more.

A template is a whole pod, of which the CRD knows the outline only. So the API server is asked about
each one when it is new (a dry run), not when a candidate waits for it weeks later.
Neighbours: `core.objects.checks` builds and reads them, `rules.checks` decides that they shall run.
"""

import hashlib
import json

from ...adapters.kubernetes import Invalid, KubernetesError, NotLeading
from ...api.spec import ModelDeploymentSpec
from ...core.decision import Decision
from ...core.objects.build import Object
from ...core.objects.checks import check_jobs, leftover_jobs, trial_jobs
from ..observing.observe import Snapshot
from .writes import Attempts, Writer


class Tried:
    """Which checks the API server has been asked about. Forgotten with the process: asked anew."""

    def __init__(self) -> None:
        self._answered: dict[str, set[str]] = {}  # uid of the ModelDeployment → digests

    def untried(self, uid: str, jobs: dict[str, Object]) -> dict[str, Object]:
        """Return check → its Job, of those that are new; what isn't among `jobs` is forgotten."""
        digests = {name: _digest(job) for name, job in jobs.items()}
        kept = self._answered.get(uid, set()) & set(digests.values())
        self._answered.pop(uid, None)
        if kept:
            self._answered[uid] = kept
        return {name: job for name, job in jobs.items() if digests[name] not in kept}

    def answered(self, uid: str, job: Object) -> None:
        """Remember that there was nothing wrong with a Job."""
        self._answered.setdefault(uid, set()).add(_digest(job))


async def check(
    attempts: Attempts,
    writer: Writer,
    tried: Tried,
    snapshot: Snapshot,
    spec: ModelDeploymentSpec,
    decision: Decision,
) -> None:
    """Make the Jobs that shall be, take away those that needn't, and try those that may come."""
    jobs = check_jobs(snapshot.owner, spec, decision.status)
    for name, job in jobs.items():
        if writer.live("Job", job["metadata"]["name"]) is None:  # a Job can't be changed
            await attempts.make(_told_of(name, writer, job))
    for leftover in leftover_jobs(snapshot.live, decision.status):
        await attempts.make(writer.delete("Job", leftover))
    if not jobs:
        untried = tried.untried(snapshot.owner.uid, trial_jobs(snapshot.owner, spec))
        for name, job in untried.items():
            await attempts.make(_try(name, writer, tried, snapshot, job))


async def _told_of(check_name: str, writer: Writer, job: Object) -> None:
    try:
        await writer.apply(job)
    except Invalid as error:
        raise _wrong(check_name, error) from error


async def _try(
    check_name: str, writer: Writer, tried: Tried, snapshot: Snapshot, job: Object
) -> None:
    """Ask. Only what is wrong with the template itself counts: room, rights and webhooks may be
    otherwise when it is needed, and some webhooks know no dry run."""
    try:
        await writer.rehearse(job)
    except Invalid as error:
        raise _wrong(check_name, error) from error
    except NotLeading:
        raise
    except KubernetesError:
        return  # it will be asked again at the next look
    tried.answered(snapshot.owner.uid, job)


def _wrong(check_name: str, error: Invalid) -> Invalid:
    return Invalid(f"the template of spec.rollout.checks {check_name!r}: {error}")


def _digest(job: Object) -> str:
    return hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()
