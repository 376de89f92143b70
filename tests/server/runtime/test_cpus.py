"""CPU limits as the kernel tells them → threads to start."""

import os
from pathlib import Path

import pytest

from transit_server.runtime.cpus import available_cpus

ALL = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("name", "files", "cpus"),
    [
        ("no cgroup", {}, ALL),
        ("v2 without limit", {"cpu.max": "max 100000"}, ALL),
        ("v2, one", {"cpu.max": "100000 100000"}, 1),
        ("v2, a tenth", {"cpu.max": "10000 100000"}, 1),
        ("v2, more than there are", {"cpu.max": "99900000 100000"}, ALL),
        ("v1, one", {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ("v1 no limit", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, ALL),
    ],
)
def test_available_cpus(tmp_path: Path, name: str, files: dict[str, str], cpus: int) -> None:
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text + "\n")
    assert available_cpus(tmp_path) == cpus
