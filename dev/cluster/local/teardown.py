"""Takes the local cluster down to the last trace, whether it ended well, crashed, or half started.

Only what is ours by record or by place is touched: recorded processes, members of our control
groups, mounts under our state folder, our link and tables. Nothing is found by a program's name.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from .. import paths, shell
from ..ui import StepFailed
from . import cgroups, daemons, network

RESULTS = Path("/var/lib/cni/results")
DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")


def take_down() -> None:
    """End processes, then mounts, network, control groups and files."""
    # kubelets first, or they would start again what is being ended
    daemons.stop(name for name in daemons.records() if name.startswith("kubelet"))
    daemons.stop(daemons.records())
    if left := cgroups.kill_members():
        raise StepFailed(f"these processes would not end: {sorted(left)}", hint="try again")
    strays = _strays()
    _unmount()
    network.remove_pod_links()
    shell.wait_for("the end of the pods' links", network.is_quiet, 10)
    network.remove()
    cgroups.remove()
    _remove_strays(strays)
    if paths.state().exists():
        shutil.rmtree(paths.state())


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


def _strays() -> list[Path]:
    """The few files that programs insist on keeping outside our folder."""
    state = paths.state().resolve()
    found = [link for link in Path("/var/log/containers").glob("*.log") if link.is_symlink()]
    found = [link for link in found if link.readlink().is_relative_to(state)]
    # containerd's shims listen in a folder all containerds share; each container notes its own
    for note in state.glob("*/run/io.containerd.runtime.v2.task/k8s.io/*/address"):
        found.append(Path(note.read_text().strip().removeprefix("unix://")))
    for sandbox in state.glob("*/containerd/io.containerd.grpc.v1.cri/sandboxes/*"):
        found.extend(RESULTS.glob(f"*-{sandbox.name}-*"))
    found.extend(RESULTS.glob("transit-*"))
    found.append(DEVICE_PLUGINS / "kubelet.sock")
    return found


def _remove_strays(files: list[Path]) -> None:
    """Remove these files, and the folders they were in unless somebody else uses them."""
    for file in files:
        file.unlink(missing_ok=True)
    for folder in (
        Path("/run/containerd/s"),
        Path("/run/containerd"),
        Path("/var/log/containers"),
        RESULTS,
        RESULTS.parent,
        DEVICE_PLUGINS,
        DEVICE_PLUGINS.parent,
    ):
        try:
            folder.rmdir()
        except OSError:  # not empty, or not there
            continue
