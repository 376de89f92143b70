"""BentoML: one service with adaptive batching, one worker."""

import os
from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType, Shape
from originals import from_environment

Batch = Annotated[np.ndarray, DType("float32"), Shape((-1, 784))]


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 1024})
class Original:
    def __init__(self) -> None:
        self._score = from_environment()

    @bentoml.api(
        batchable=True,
        max_batch_size=32,
        max_latency_ms=int(os.environ.get("BENCH_LATENCY_MS", "1000")),
    )
    def predict(self, rows: Batch) -> np.ndarray:
        return self._score(rows)
