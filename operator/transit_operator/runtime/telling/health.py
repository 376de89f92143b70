"""Is this process of use? Pure: signs of life in, what is wrong out.

Neighbours: `operator` gathers the signs; `web` answers the kubelet's probes with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

STUCK_SECONDS = 120.0  # all workers
LOST_SECONDS = 600.0  # one of them: more than every time limit of one look added up
MISSED_LISTS = 3


@dataclass(frozen=True)
class Signs:
    """Signs of life. Ages in seconds."""

    listed: bool  # everything was listed once
    look_age: float  # since everything was last listed, or since the start
    relist_seconds: float  # how often that is done
    workers: int  # 0 on a follower
    running: Sequence[float]  # ages of the looks that are being done now
    ended: Sequence[str] = ()  # tasks that should run for ever and don't


def unhealthy(signs: Signs) -> list[str]:
    """Return why the process should be restarted, in words; nothing if it is fine."""
    problems = [f"{name} has ended" for name in signs.ended]
    if signs.look_age > MISSED_LISTS * signs.relist_seconds:
        problems.append(
            f"the last complete look at the cluster was {signs.look_age:.0f} s ago,"
            f" {MISSED_LISTS * signs.relist_seconds:.0f} are allowed"
        )
    stuck = sum(age > STUCK_SECONDS for age in signs.running)
    if signs.workers and stuck >= signs.workers:
        problems.append(f"all workers ({signs.workers}) are stuck for over {STUCK_SECONDS:.0f} s")
    if any(age > LOST_SECONDS for age in signs.running):
        problems.append(f"one ModelDeployment is being worked on for over {LOST_SECONDS:.0f} s")
    return problems


def unready(signs: Signs) -> list[str]:
    """Return why it could not work yet; a follower that knows the cluster is ready."""
    return [] if signs.listed else ["the cluster's objects are not listed yet"]
