"""mosec: its Rust front end, one worker process, batches of up to 32."""

import os
from typing import Any

import numpy as np
from compiled_model import from_environment
from mosec import Server, Worker

BATCH = int(os.environ["BENCH_BATCH"])
_WAIT_MS = 2


class Compiled(Worker):
    def __init__(self) -> None:
        self._score = from_environment()

    def forward(self, data: Any) -> Any:
        requests = data if BATCH > 1 else [data]
        rows = np.array([request["features"] for request in requests], dtype=np.float32)
        answers = [{"probabilities": row} for row in self._score(rows).tolist()]
        return answers if BATCH > 1 else answers[0]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Compiled, num=1, max_batch_size=BATCH, max_wait_time=_WAIT_MS)
    server.run()
