"""On what a model computes, and why that is no GPU where the image was built for one.

Each library that knows GPUs says whether it is built for them and whether it can use one; `said` is
the table that makes words of it, for `/info` and the log. Neighbours: `graphs.gpu` asks ONNX
Runtime, `libraries.keras` TensorFlow; of all others the models run on the CPU.
"""

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Literal

_LIBRARY = "libcuda.so.1"  # of NVIDIA's driver: the container toolkit puts it into a pod


@dataclass(frozen=True, slots=True)
class Device:
    """Where a model computes; `note` is for people."""

    kind: Literal["cpu", "gpu"] = "cpu"
    note: str = ""


ON_CPU = Device()


@dataclass(frozen=True, slots=True)
class Driver:
    """How many GPUs NVIDIA's driver knows; where there are none, `why`."""

    gpus: int = 0
    why: str = ""


def said(library: str, *, built: bool, uses: bool, driver: Driver) -> Device:
    """Of a library that is `built` for GPUs or not, and `uses` one or doesn't."""
    if uses:
        return Device("gpu")
    if not built:
        return ON_CPU
    if driver.gpus:
        why = f"{library} can't use the GPU that is here; what it printed at the start says why"
    else:
        why = driver.why
    return Device("cpu", f"this image is built for GPUs, and {why}")


@cache
def driver() -> Driver:
    """What this machine has; looked up once."""
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return Driver(
            why=f"NVIDIA's driver ({_LIBRARY}) is not here: a pod gets it with a GPU, "
            "so its pool has to ask for one"
        )
    count = ctypes.c_int()
    if failed := library.cuInit(0) or library.cuDeviceGetCount(ctypes.byref(count)):
        return Driver(why=f"NVIDIA's driver finds no GPU (CUDA error {failed})")
    if not count.value:
        return Driver(why="NVIDIA's driver knows of no GPU here")
    return Driver(count.value)
