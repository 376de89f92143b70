"""LitServe: one API server, one worker process (it has no fewer), batches of up to 32."""

import os
from typing import Any

import litserve
import numpy as np
from originals import from_environment

BATCH = int(os.environ["BENCH_BATCH"])


class Original(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self._score = from_environment()

    def decode_request(self, request: dict[str, Any]) -> np.ndarray:
        return np.array(request["features"], dtype=np.float32)

    def batch(self, inputs: list[np.ndarray]) -> np.ndarray:
        return np.stack(inputs)

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self._score(x if x.ndim == 2 else x[np.newaxis])

    def unbatch(self, output: np.ndarray) -> list[np.ndarray]:
        return list(output)

    def encode_response(self, output: np.ndarray) -> dict[str, Any]:
        return {"probabilities": output.reshape(-1).tolist()}


if __name__ == "__main__":
    options = {"max_batch_size": BATCH, "batch_timeout": 0.002} if BATCH > 1 else {}
    server = litserve.LitServer(
        Original(**options), accelerator="cpu", workers_per_device=1, fast_queue=True
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
