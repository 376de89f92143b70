"""The model as this project's server compiles it, for peers that are measured on equal terms.

`BENCH_ONNX` is the compiled model; its preprocessing is the version's own. One thread for a call,
as everywhere in the benchmark.
"""

import os
from collections.abc import Callable

import joblib
import numpy as np
import onnxruntime
from numpy.typing import NDArray

Rows = NDArray[np.float32]


def from_environment() -> Callable[[Rows], NDArray[np.float32]]:
    """(n, 784) float32 → (n, classes) probabilities, preprocessing included."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(os.environ["BENCH_ONNX"], options)
    feed = session.get_inputs()[0]
    shape = (-1, *feed.shape[1:])
    preprocessing = os.path.join(os.environ["BENCH_MODEL"], "preprocessing.pkl")
    transform = joblib.load(preprocessing).transform

    def score(rows: Rows) -> NDArray[np.float32]:
        prepared = transform(rows).reshape(shape)
        probabilities: NDArray[np.float32] = session.run(None, {feed.name: prepared})[0]
        return probabilities

    return score
