"""Where things are kept: what may be reused (cache), what belongs to a cluster (state)."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MANIFESTS = Path(__file__).resolve().parent / "manifests"


def cache() -> Path:
    """Things that are slow to make and safe to keep: binaries, image layouts, wheels."""
    chosen = os.environ.get("TRANSIT_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "transit"


def state() -> Path:
    """Everything of the running cluster; `down` removes it whole."""
    return Path(os.environ.get("TRANSIT_STATE") or "/var/lib/transit-dev")


def logs() -> Path:
    """Logs of the steps of this bring-up; kept after `down`, to look at what failed."""
    return cache() / "logs"


def binary(name: str, version: str) -> Path:
    """A built executable. The version is in the path, so another version never reuses it."""
    return cache() / "bin" / version / name


def kubeconfig() -> Path:
    """The administrator's kubeconfig of the local cluster."""
    return state() / "kubeconfig"
