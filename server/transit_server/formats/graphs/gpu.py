"""Where ONNX Runtime computes: on NVIDIA's GPUs where its build and this machine have them.

Without this look, a session on a machine without a GPU would try, fail with a page of the library's
own words, and go on on the CPU; and with one it would not find CUDA's libraries, which are in
wheels. Neighbour: `sessions` makes the sessions.
"""

import ctypes
import logging
from functools import cache

import onnxruntime

log = logging.getLogger(__name__)

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


@cache
def providers() -> list[str]:
    """Return ONNX Runtime's execution providers, the first one first; looked up once."""
    if CUDA not in onnxruntime.get_available_providers():
        return [CPU]
    if not (gpus := _gpus()):
        log.warning("this server is built for GPUs, and finds none: models run on the CPU")
        return [CPU]
    onnxruntime.preload_dlls()
    log.info("models that ONNX Runtime serves run on a GPU, of which there are %d", gpus)
    return [CUDA, CPU]


def _gpus() -> int:
    """Return how many GPUs the driver knows; none where there is no driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value
