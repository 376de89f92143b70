"""Triton Inference Server, as its wheel for Python brings it: its C++ front end and its Python
backend, without `pytriton`, which would put a proxy and another process between the two.

Writes a model repository into the current folder and becomes `tritonserver`.
`BENCH_DELAY_US` turns dynamic batching on.
"""

import os
import shutil
import sys
from pathlib import Path

import pytriton

_WHEEL = Path(pytriton.__file__).parent / "tritonserver"
_LIBRARIES = Path(pytriton.__file__).parents[1] / "nvidia_pytriton.libs"
_CONFIG = """\
name: "m"
backend: "python"
max_batch_size: 32
input [{ name: "features" data_type: TYPE_FP32 dims: [784] }]
output [{ name: "probabilities" data_type: TYPE_FP32 dims: [-1] }]
instance_group [{ kind: KIND_CPU count: 1 }]
"""


def main() -> None:
    here = Path.cwd()
    model = here / "repository" / "m"
    (model / "1").mkdir(parents=True)
    delay = os.environ.get("BENCH_DELAY_US")
    batching = f"dynamic_batching {{ max_queue_delay_microseconds: {delay} }}\n" if delay else ""
    (model / "config.pbtxt").write_text(_CONFIG + batching)
    shutil.copy(Path(__file__).parent / "triton_model.py", model / "1" / "model.py")
    # The wheel has a stub for each Python; Triton looks for the one beside the backend.
    backend = here / "backends" / "python"
    shutil.copytree(_WHEEL / "backends" / "python", backend)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copy(_WHEEL / "python_backend_stubs" / version / "triton_python_backend_stub", backend)
    os.environ["LD_LIBRARY_PATH"] = str(_LIBRARIES)
    os.environ["BENCH_PATH"] = os.environ["PYTHONPATH"]
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    arguments = {
        "model-repository": here / "repository",
        "backend-directory": here / "backends",
        # Segments in shared memory are named by it: two servers would disturb each other.
        "backend-config": f"python,shm-region-prefix-name=bench-{os.getpid()}",
        "http-address": "127.0.0.1",
        "http-port": os.environ["BENCH_PORT"],
        "allow-grpc": "false",
        "allow-metrics": "false",
    }
    server = _WHEEL / "bin" / "tritonserver"
    options = [f"--{name}={value}" for name, value in arguments.items()]
    os.execv(server, [str(server), *options])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
