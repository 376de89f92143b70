"""What the statuses of a ModelDeployment show, one or all that were seen: read, nothing awaited.

Neighbour: `scene.py` has them in `scene.mdep.seen`, in the order in which they came.
"""

from collections.abc import Sequence

from dev.client.watch import Seen
from tests.support import Object


def statuses(seen: Sequence[Seen]) -> list[Object]:
    """The statuses among versions of an object."""
    return [one.object["status"] for one in seen if one.object and one.object.get("status")]


def evaluated_at(status: Object) -> str:
    """When the candidate was evaluated last; empty before that."""
    return str((status.get("candidate") or {}).get("evaluatedAt", ""))


def condition(status: Object, kind: str) -> Object:
    """A condition of a status; {} when there is none."""
    return next((c for c in status.get("conditions") or [] if c["type"] == kind), {})


def named(status: Object) -> set[str]:
    """The revisions that a status names."""
    parts = (status.get(key) for key in ("stable", "candidate", "previous", "rejected"))
    return {part["revision"] for part in parts if part}


def weights_seen(seen: Sequence[Seen], revision: str) -> list[int]:
    """The different weights of a candidate one after the other, by every status."""
    found: list[int] = []
    for status in statuses(seen):
        candidate = status.get("candidate") or {}
        if candidate.get("revision") == revision and [candidate["weight"]] != found[-1:]:
            found.append(candidate["weight"])
    return found


def jumps(seen: Sequence[Seen]) -> list[str]:
    """Where a candidate's weight rose beyond the next step of the spec as it was then.

    The commands promote-full and rollback may.
    """
    found = []
    before: Object = {}
    for one in seen:
        candidate = ((one.object or {}).get("status") or {}).get("candidate")
        if not one.object or not candidate:
            continue
        if candidate["revision"] != before.get("revision"):
            before = {"weight": 0}
        had, weight = before["weight"], candidate["weight"]
        steps = [step["weight"] for step in one.object["spec"]["rollout"]["steps"]]
        following = min((w for w in steps if w > had), default=100)
        forced = "full" in (before.get("forced"), candidate.get("forced"))
        if weight > max(had, following) and not forced:
            found.append(f"{candidate['revision']}: {had} to {weight} % with steps {steps}")
        before = candidate
    return found


def lost_traffic(seen: Sequence[Seen]) -> list[Object]:
    """Statuses whose traffic doesn't sum to 100, once there is some."""
    return [
        status
        for status in statuses(seen)
        if status.get("traffic") and sum(w["weight"] for w in status["traffic"]) != 100
    ]
