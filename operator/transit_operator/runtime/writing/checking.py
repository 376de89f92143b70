"""The Jobs of `rollout.checks`: made once, never changed, taken away when nobody asks any more.

Neighbours: `core.objects.checks` builds and reads them, `rules.checks` decides that they shall run.
"""

from ...api.spec import ModelDeploymentSpec
from ...core.decision import Decision
from ...core.objects.checks import check_jobs, leftover_jobs
from ..observing.observe import Snapshot
from .writes import Attempts, Writer


async def check(
    attempts: Attempts,
    writer: Writer,
    snapshot: Snapshot,
    spec: ModelDeploymentSpec,
    decision: Decision,
) -> None:
    """Make the Jobs that shall be, and take away those that needn't."""
    for job in check_jobs(snapshot.owner, spec, decision.status):
        if writer.live("Job", job["metadata"]["name"]) is None:  # a Job can't be changed
            await attempts.make(writer.apply(job))
    for name in leftover_jobs(snapshot.live, decision.status):
        await attempts.make(writer.delete("Job", name))
