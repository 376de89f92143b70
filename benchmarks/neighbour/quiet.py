"""The client with single rows, as a process of its own: one request after the other, each a little
after the answer to the last, over one connection.

`python -m benchmarks.neighbour.quiet` with a JSON object as its argument (`Quiet`); prints what it
saw as JSON.
"""

import contextlib
import http.client
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_PAUSE = 0.005
_TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class Quiet:
    """Where to send which bodies in turn, and for how long."""

    port: int
    path: str
    headers: dict[str, str]
    bodies: list[str]  # files
    seconds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of it; `failed` counts all that was no 200, by status or by kind of exception."""

    requests: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    worst_ms: float
    failed: dict[str, int]


def ask(task: Quiet) -> Seen:
    """Send requests until the time is over."""
    bodies = [Path(name).read_bytes() for name in task.bodies]
    times: list[float] = []
    failed: Counter[str] = Counter()
    connection = http.client.HTTPConnection("127.0.0.1", task.port, timeout=_TIMEOUT)
    end = time.monotonic() + task.seconds
    while time.monotonic() < end:
        body = bodies[len(times) % len(bodies)]
        start = time.perf_counter()
        try:
            connection.request("POST", task.path, body, task.headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failed[f"status {answer.status}"] += 1
        except (OSError, http.client.HTTPException) as error:
            failed[type(error).__name__] += 1
            connection.close()  # the next request opens it anew
        times.append(time.perf_counter() - start)
        time.sleep(_PAUSE)
    with contextlib.closing(connection):
        return _summed(times, failed)


def _summed(times: Sequence[float], failed: Counter[str]) -> Seen:
    return Seen(
        requests=len(times),
        p50_ms=quantile(times, 0.5),
        p95_ms=quantile(times, 0.95),
        p99_ms=quantile(times, 0.99),
        worst_ms=quantile(times, 1.0),
        failed=dict(failed),
    )


def quantile(times: Sequence[float], share: float) -> float:
    """In milliseconds: so many of the times are at most that long."""
    ordered = sorted(times)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3, 3)


if __name__ == "__main__":
    print(json.dumps(asdict(ask(Quiet(**json.loads(sys.argv[1]))))))
