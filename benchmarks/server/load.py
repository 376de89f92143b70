"""One measurement: `wrk` on loopback for some seconds, and what it saw."""

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import environments

# Each connection sends the bodies in turn, made before the clock starts.
_SCRIPT = """
local texts = {{}}
for line in io.lines("{bodies}") do texts[#texts + 1] = line end
local headers = {{["Content-Type"] = "application/json"}}
local requests, turn = {{}}, 0
function init(args)
  for i, text in ipairs(texts) do
    requests[i] = wrk.format("POST", "{path}", headers, text)
  end
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
function done(summary, latency, _)
  local errors = summary.errors
  print(string.format('RESULT {{"requests": %d, "micros": %d, "p50": %d, "p99": %d, "failed": %d}}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one run: requests answered and per second, percentiles in milliseconds, and how many got
    no answer or not the status 200.
    """

    requests: int
    rps: float
    p50_ms: float
    p99_ms: float
    failed: int


def measure(url: str, path: str, bodies: list[str], connections: int, seconds: float) -> Measured:
    """Load `url` + `path` with `bodies`; returns what wrk saw. Raises `RuntimeError` if it can't.

    One thread of wrk: it is idle most of the time at these rates, and leaves the other processor
    to the server.
    """
    with tempfile.TemporaryDirectory(prefix="bench-wrk-") as name:
        texts, script = Path(name) / "bodies", Path(name) / "script.lua"
        texts.write_text("".join(f"{body}\n" for body in bodies))
        script.write_text(_SCRIPT.format(bodies=texts, path=path))
        command = [
            *(environments.wrk(), "--threads", "1", "--connections", str(connections)),
            *("--duration", f"{seconds:g}s", "--timeout", "20s", "--script", str(script), url),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            seen = json.loads(line.removeprefix("RESULT "))
            return Measured(
                requests=seen["requests"],
                rps=seen["requests"] / (seen["micros"] / 1e6),
                p50_ms=seen["p50"] / 1e3,
                p99_ms=seen["p99"] / 1e3,
                failed=seen["failed"],
            )
    raise RuntimeError(f"wrk said no result: {done.stdout[-300:]} {done.stderr[-300:]}")
