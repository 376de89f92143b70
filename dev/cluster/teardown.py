"""Takes the local cluster down to the last trace, whether it ended well, crashed, or half started.

Only what is ours by record or by place is touched: recorded processes, members of our control groups,
mounts under our state folder, our link and tables. Nothing is found by a program's name.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from . import cgroups, daemons, network, paths, shell
from .ui import StepFailed

# kubelets first, or they would start again what is being ended; stores last
ORDER = (
    "kubelet",
    "kube-proxy",
    "kube-scheduler",
    "kube-controller",
    "kube-api",
    "etcd",
    "containerd",
)


def take_down() -> None:
    """End processes, then mounts, network, control groups and files."""
    for prefix in ORDER:
        for name in daemons.records():
            if name.startswith(prefix):
                daemons.stop(name)
    for name in daemons.records():
        daemons.stop(name)
    if left := cgroups.kill_members():
        raise StepFailed(f"these processes would not end: {sorted(left)}", hint="try again")
    sockets = _shim_sockets()
    _unmount()
    network.remove()
    cgroups.remove()
    _remove_strays(sockets)
    shutil.rmtree(paths.state(), ignore_errors=False)


def leftovers() -> list[str]:
    """What is still there of a cluster that should be gone; empty after a clean `down`."""
    found = [f"process {pid}" for pid in sorted(cgroups.members())]
    found += [f"mount {mount}" for mount in _mounts()]
    if paths.state().exists():
        found.append(str(paths.state()))
    return found


def _mounts() -> list[str]:
    """Mount points under the state folder, innermost first."""
    inside = f"{paths.state().resolve()}/"
    points = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), line.split()[4])
        if point.startswith(inside):
            points.append(point)
    return points[::-1]


def _unmount() -> None:
    for point in _mounts():
        if not shell.succeeds(["umount", point]):
            shell.succeeds(["umount", "--lazy", point])
    if left := _mounts():
        # never delete through a mount: what is behind it is not ours
        raise StepFailed(f"still mounted: {', '.join(left)}", hint="umount these, then again")


def _shim_sockets() -> list[Path]:
    """containerd's shims listen in a folder all containerds share; each container notes its own."""
    found = []
    for file in paths.state().glob("*/run/io.containerd.runtime.v2.task/k8s.io/*/address"):
        found.append(Path(file.read_text().strip().removeprefix("unix://")))
    return found


def _remove_strays(sockets: list[Path]) -> None:
    """The few files that programs insist on keeping outside our folder."""
    inside = str(paths.state().resolve())
    for socket in sockets:
        socket.unlink(missing_ok=True)
    for link in Path("/var/log/containers").glob("*.log"):
        if link.is_symlink() and str(link.readlink()).startswith(inside):
            link.unlink()
    for result in Path("/var/lib/cni/results").glob("transit-*"):
        result.unlink()
    for folder in (
        "/run/containerd/s",
        "/run/containerd",
        "/var/log/containers",
        "/var/lib/cni/results",
        "/var/lib/cni",
    ):
        try:
            Path(folder).rmdir()  # only when nobody else has anything there
        except OSError:
            continue
