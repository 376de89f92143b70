"""One measurement: `wrk` on loopback for some seconds, and what it saw."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server.servers import environments

# Each connection sends the bodies in turn, made before the clock starts.
_SCRIPT = """
local texts = {{}}
for i = 1, {count} do
  local file = io.open("{bodies}/" .. i, "rb")
  texts[i] = file:read("*a")
  file:close()
end
local headers = {{{headers}}}
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


def measure(
    url: str,
    path: str,
    bodies: Sequence[bytes],
    headers: Mapping[str, str],
    connections: int,
    seconds: float,
) -> Measured:
    """Load `url` + `path` with `bodies`; returns what wrk saw. Raises `RuntimeError` if it can't.

    One thread of wrk: it is idle most of the time at these rates, and leaves the other processor
    to the server.
    """
    with tempfile.TemporaryDirectory(prefix="bench-wrk-") as name:
        for number, body in enumerate(bodies, start=1):
            (Path(name) / str(number)).write_bytes(body)
        script = Path(name) / "script.lua"
        given = ", ".join(f'["{key}"] = "{value}"' for key, value in headers.items())
        script.write_text(_SCRIPT.format(bodies=name, count=len(bodies), headers=given, path=path))
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
