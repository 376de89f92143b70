"""Where ONNX Runtime computes: on NVIDIA's GPUs where its build and this machine have them.

Without this look, a session on a machine without a GPU would try, fail with a page of the library's
own words, and go on on the CPU; and with one it would not find CUDA's libraries, which are in
wheels. Sessions are exact until they are relaxed: TensorFloat-32, which ONNX Runtime would use,
differs by more than what a model is held to. Neighbours: `sessions` makes the sessions,
`formats.device` makes words of it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import onnxruntime

from transit_models.counting import counted
from transit_server.formats.device import Device, Driver, driver, said

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# A session with this setting can be asked which provider has which operators.
RECORDED = "session.record_ep_graph_assignment_info"
Providers = list[str | tuple[str, dict[str, str]]]


def chosen(available: Sequence[str], driver: Driver, *, exact: bool) -> Providers:
    """Execution providers, the first one first."""
    if CUDA not in available or not driver.gpus:
        return [CPU]
    return [(CUDA, {"use_tf32": "0" if exact else "1"}), CPU]


def providers(*, exact: bool = True) -> Providers:
    """Those of this machine."""
    wanted = chosen(onnxruntime.get_available_providers(), driver(), exact=exact)
    if wanted != [CPU]:
        _load_cuda()
    return wanted


def device_of(session: Any) -> Device:
    """Where a session computes, by what it has, not by what it was asked for."""
    uses = CUDA in session.get_providers()
    built = CUDA in onnxruntime.get_available_providers()
    device = said("ONNX Runtime", built=built, uses=uses, driver=driver())
    return placed(operators(session)) if device.kind == "gpu" else device


def operators(session: Any) -> Mapping[str, int]:
    """How many each provider has, of a session that was `RECORDED`."""
    count: Counter[str] = Counter()
    for part in session.get_provider_graph_assignment_info():
        count[part.ep_name] += len(part.get_nodes())
    return count


def placed(operators: Mapping[str, int]) -> Device:
    """Of a session that may use a GPU: those operators that CUDA doesn't know stay on the CPU."""
    on_cpu, every = operators.get(CPU, 0), sum(operators.values())
    if not operators.get(CUDA, 0):
        return Device("cpu", "ONNX Runtime has no GPU's code for its operators, such as trees")
    note = f"on the CPU: {on_cpu} of its {counted(every, 'operator')}" if on_cpu else ""
    return Device("gpu", note)


def relaxing(session: Any, device: Device) -> Callable[[], None] | None:
    """What makes the session anew with TensorFloat-32; None where there is none."""
    if device.kind == "cpu":
        return None
    return lambda: session.set_providers(providers(exact=False))


@cache
def _load_cuda() -> None:
    onnxruntime.preload_dlls()
