"""The Jobs of `rollout.checks`: which shall be, which may go, and how they are doing.

A Job belongs to one attempt of one candidate, so a retry runs its checks anew. It stays while its
revision is the candidate or the one that was rejected, for its logs. Neighbours: `rules.checks`
decides that they shall run; `runtime` reads and writes.
"""

import hashlib
from collections.abc import Mapping

from ...api import names
from ...api.duration import seconds
from ...api.names import REVISION_LENGTH, revision_object_name
from ...api.pod_template import is_ours
from ...api.rollout import Check
from ...api.spec import ModelDeploymentSpec
from ...api.status import CandidateStatus, ModelDeploymentStatus
from ..observed import CheckRun
from ..times import rfc3339
from .build import Object, Owner, labels, metadata

LABEL_CHECKS = f"{names.GROUP}/checks"  # the revision that is checked
_LABEL_JOB = "batch.kubernetes.io/job-name"


def check_jobs(
    owner: Owner, spec: ModelDeploymentSpec, status: ModelDeploymentStatus
) -> dict[str, Object]:
    """Return check → the Job that shall be, of a candidate whose checks were started."""
    candidate = status.candidate
    if candidate is None or candidate.checked_at is None or candidate.weight > 0:
        return {}
    return {check.name: _job(owner, check, candidate) for check in spec.rollout.checks}


def trial_jobs(owner: Owner, spec: ModelDeploymentSpec) -> dict[str, Object]:
    """Return check → a Job as it would be made for a candidate, to ask whether it can be."""
    never = rfc3339(0)
    nobody = CandidateStatus(revision="0" * REVISION_LENGTH, started_at=never, checked_at=never)
    return {check.name: _job(owner, check, nobody) for check in spec.rollout.checks}


def leftover_jobs(
    live: Mapping[tuple[str, str], Object], status: ModelDeploymentStatus
) -> list[str]:
    """Return the names of the Jobs of revisions that nobody asks about any more."""
    asked = {r.revision for r in (status.candidate, status.rejected) if r is not None}
    return [
        name
        for (kind, name), obj in live.items()
        if kind == "Job" and (obj["metadata"].get("labels") or {}).get(LABEL_CHECKS) not in asked
    ]


def check_runs(
    owner: Owner,
    spec: ModelDeploymentSpec,
    status: ModelDeploymentStatus,
    live: Mapping[tuple[str, str], Object],
) -> dict[str, CheckRun]:
    """Return check → how its Job of the present candidate is doing."""
    candidate = status.candidate
    if candidate is None or candidate.checked_at is None:
        return {}
    found = {}
    for check in spec.rollout.checks:
        name = _name(owner, check, candidate)
        job = live.get(("Job", name))
        if job is not None:
            found[check.name] = _run(job, _last_words(live, name))
    return found


def _job(owner: Owner, check: Check, candidate: CandidateStatus) -> Object:
    its_labels = labels(owner) | {
        LABEL_CHECKS: candidate.revision,
        "app.kubernetes.io/name": "transit-check",
    }
    template = check.template.model_dump(by_alias=True, exclude_unset=True)
    said = template.get("metadata") or {}
    # The API server refuses labels of ours; what it let pass before that makes no server of it.
    theirs = {k: v for k, v in (said.get("labels") or {}).items() if not is_ours(k)}
    template["metadata"] = {**said, "labels": theirs | its_labels}
    pod = template["spec"]
    pod.setdefault("restartPolicy", "Never")
    url = f"http://{revision_object_name(owner.name, candidate.revision)}.{owner.namespace}"
    for container in pod["containers"]:
        # Its last words are what its status can tell; a port could get it into a Service.
        container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
        container.pop("ports", None)
        container["env"] = [
            *(container.get("env") or []),
            {"name": "TRANSIT_CANDIDATE_URL", "value": url},
        ]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(owner, _name(owner, check, candidate), its_labels),
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": max(1, int(seconds(check.timeout))),
            "template": template,
        },
    }


def _name(owner: Owner, check: Check, candidate: CandidateStatus) -> str:
    what = f"{owner.name}/{candidate.revision}/{check.name}/{candidate.checked_at}"
    return f"{owner.name[:40]}-check-{hashlib.sha256(what.encode()).hexdigest()[:10]}"


def _run(job: Object, words: str) -> CheckRun:
    for condition in (job.get("status") or {}).get("conditions") or []:
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed"):
            passed = condition["type"] == "Complete"
            return CheckRun(passed, words or ("" if passed else condition.get("message", "")))
    return CheckRun(None)


def _last_words(live: Mapping[tuple[str, str], Object], job: str) -> str:
    for (kind, _), obj in live.items():
        if kind != "Pod" or (obj["metadata"].get("labels") or {}).get(_LABEL_JOB) != job:
            continue
        for container in (obj.get("status") or {}).get("containerStatuses") or []:
            ended = (container.get("state") or {}).get("terminated") or {}
            lines = (ended.get("message") or "").strip().splitlines()
            if lines:
                return str(lines[-1])
    return ""
