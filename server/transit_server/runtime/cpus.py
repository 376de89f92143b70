"""How many processors this process may really use: in a pod, far fewer than the node has.

Libraries start a thread per processor of the node, which under a CPU limit stall each other.
"""

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def available_cpus(cgroups: Path = _CGROUPS) -> int:
    """At least 1; the CPU limit rounded up, where there is one."""
    allowed = len(os.sched_getaffinity(0))
    limit = _limit(cgroups)
    return allowed if limit is None else max(1, min(allowed, math.ceil(limit)))


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
