"""The model that Triton's Python backend runs: all rows that it is given at once in one call."""

import os
import sys
from typing import Any

import numpy as np
import triton_python_backend_utils as triton

# Triton gives this process a PYTHONPATH of its own.
sys.path[:0] = os.environ["BENCH_PATH"].split(os.pathsep)
from compiled_model import from_environment  # noqa: E402


class TritonPythonModel:
    def initialize(self, _: dict[str, str]) -> None:
        self._score = from_environment()

    def execute(self, requests: list[Any]) -> list[Any]:
        parts = [triton.get_input_tensor_by_name(one, "features").as_numpy() for one in requests]
        scores = self._score(np.concatenate(parts))
        ends = np.cumsum([len(part) for part in parts])[:-1]
        return [
            triton.InferenceResponse([triton.Tensor("probabilities", np.ascontiguousarray(mine))])
            for mine in np.split(scores, ends)
        ]
