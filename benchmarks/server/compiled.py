"""The models as ONNX, for the server written by hand: what transit's own compilers make of them."""

from pathlib import Path

import numpy as np

from benchmarks.server.contestants import Model
from benchmarks.server.running import DoesNotRun
from transit_models import probe_rows, verify_version
from transit_server.formats import ModelShape, apart

_FORMATS = {"forest": "sklearn", "boosted": "xgboost", "cnn": "keras"}


def compiled(model: Model, store: Path, folder: Path) -> Path:
    """The path of `model` as ONNX, in `folder`. Raises `DoesNotRun` when it doesn't compile."""
    import joblib

    version = verify_version(model.directory(store), model.name, model.version)
    assert version.preprocessing is not None
    rows = joblib.load(version.preprocessing).transform(probe_rows(version, 16))
    shape = ModelShape(version.metadata.output_schema.labels, np.asarray(rows, dtype=np.float32))
    result = apart.compile_apart(_FORMATS[model.kind], version.model_file, shape, folder)
    if result.onnx is None:
        raise DoesNotRun(result.note)
    path = folder / f"{model.name}.onnx"
    path.write_bytes(result.onnx)
    return path
