"""How many processors this process may really use: in a pod, far fewer than the node has.

Libraries start a thread per processor of the node, which under a CPU limit stall each other. The
workers of one server share its processors; each process, also one that a worker starts, learns from
its environment how many they are.
"""

import math
import os
from collections.abc import Mapping
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def available_cpus(cgroups: Path = _CGROUPS, environment: Mapping[str, str] = os.environ) -> int:
    """At least 1; the CPU limit rounded up, where there is one, or this worker's part of it."""
    workers = int(environment.get("TRANSIT_WORKERS") or 1)  # `Settings` has checked it
    allowed = len(os.sched_getaffinity(0))
    limit = _limit(cgroups)
    cpus = allowed if limit is None else min(allowed, math.ceil(limit))
    return max(1, cpus // workers)


def _limit(cgroups: Path) -> float | None:
    """The processors' worth of time that the cgroup (v2, else v1) grants."""
    try:
        quota, period = (cgroups / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroups / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroups / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if quota == "max" or int(quota) <= 0:
        return None
    return int(quota) / int(period)
