"""KServe's custom predictor, protocol v1. Batching is not in its Python server."""

import logging
import os
from typing import Any

import numpy as np
from kserve import Model, ModelServer
from originals import from_environment


class Original(Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__("m")
        self._score = from_environment()
        self.ready = True

    def predict(
        self, payload: dict[str, Any], headers: Any = None, response_headers: Any = None
    ) -> dict[str, Any]:
        rows = np.array(payload["instances"], dtype=np.float32)
        return {"predictions": self._score(rows).tolist()}


if __name__ == "__main__":
    for name in ("uvicorn.access", "kserve.trace"):  # three lines a request, else
        logging.getLogger(name).addFilter(lambda _: False)
    server = ModelServer(
        http_port=int(os.environ["BENCH_PORT"]),
        enable_grpc=False,
        workers=1,
        enable_latency_logging=False,
    )
    server.start([Original()])
