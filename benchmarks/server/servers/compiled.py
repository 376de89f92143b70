"""The models as ONNX, for the server written by hand: what transit's own compilers make of them."""

from pathlib import Path

from benchmarks.server.servers.contestant import Model
from benchmarks.server.servers.running import DoesNotRun
from transit_models import verify_version
from transit_server.formats import whole
from transit_server.formats.compile import compile_in_child

_FORMATS = {
    "forest": ("sklearn", "estimators"),
    "boosted": ("xgboost", "boosted"),
    "cnn": ("keras", "networks"),
}


def compiled(model: Model, store: Path, folder: Path) -> Path:
    """The path of `model` as ONNX, in `folder`. Raises `DoesNotRun` when it doesn't compile."""
    version = verify_version(model.directory(store), model.name, model.version)
    result = compile_in_child.compile_in_child(
        *_FORMATS[model.kind], whole.begin(version).source, folder
    )
    if result.onnx is None:
        raise DoesNotRun(result.note)
    path = folder / f"{model.name}.onnx"
    path.write_bytes(result.onnx)
    return path
