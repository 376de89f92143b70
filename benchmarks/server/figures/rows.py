"""What a run gives: a row per server, model and number of connections; saved as JSON."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.server.figures.load import Measured
from benchmarks.server.servers.contestant import Contestant, Kind


@dataclass(frozen=True, slots=True)
class Round:
    """One server's turn in one round."""

    load: Measured
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the rounds; `lowest` and `highest` are the rounds' requests per second. `cpu_ms`
    is the server's processor time per request, all its processes together: it depends less than the
    rest on what else the machine does, of which `load` is a measure (the load average at the end).
    """

    server: str
    kind: Kind
    model: str
    connections: int
    rps: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    lowest: float
    highest: float
    failed: int
    load: float

    @staticmethod
    def of(contestant: Contestant, model: str, connections: int, seen: Sequence[Round]) -> "Row":
        loads = [one.load for one in seen]
        rates = [one.rps for one in loads]
        requests = max(1, sum(one.requests for one in loads))
        return Row(
            server=contestant.name,
            kind=contestant.kind,
            model=model,
            connections=connections,
            rps=round(median(rates), 1),
            p50_ms=round(median(one.p50_ms for one in loads), 3),
            p99_ms=round(median(one.p99_ms for one in loads), 3),
            cpu_ms=round(sum(one.cpu_seconds for one in seen) / requests * 1e3, 3),
            lowest=round(min(rates), 1),
            highest=round(max(rates), 1),
            failed=sum(one.failed for one in loads),
            load=round(os.getloadavg()[0], 1),
        )

    def line(self) -> str:
        """For progress."""
        return (
            f"{self.model} {self.connections:>2} connections {self.server:<18}"
            f"{self.rps:>8,.0f} rps ({self.lowest:,.0f} to {self.highest:,.0f})  "
            f"p50 {self.p50_ms:.2f} ms  p99 {self.p99_ms:.2f} ms  CPU {self.cpu_ms:.2f} ms  "
            f"load {self.load}"
        )

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def best_peer(rows: Sequence[Row], model: str, connections: int) -> Row | None:
    """The peer with the original model that has the most requests per second, of those that
    answered all of them.
    """
    peers = [
        row
        for row in rows
        if row.kind == "original"
        and not row.failed
        and (row.model, row.connections) == (model, connections)
    ]
    return max(peers, key=lambda row: row.rps, default=None)


def machine() -> dict[str, object]:
    """What the figures depend on, without naming the machine."""
    processor = "unknown"
    cores = 0
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            cores += 1
    return {"processor": processor, "processors": cores, "python": platform.python_version()}
