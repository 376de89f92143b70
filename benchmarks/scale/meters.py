"""What is read off from outside the operator: the audit log, Prometheus, /proc."""

import json
import math
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READS = {"get", "list", "watch"}


@dataclass(frozen=True)
class Memory:
    """Resident memory of a process, in MB (10^6 bytes)."""

    now: float
    peak: float


def memory(pid: int) -> Memory:
    """Read a process's memory, as the kernel counts it."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    kib = {name: int(fields[name].split()[0]) for name in ("VmRSS", "VmHWM")}
    return Memory(round(kib["VmRSS"] * 1.024e-3, 1), round(kib["VmHWM"] * 1.024e-3, 1))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far (clock ticks are 10 ms on Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100.0


class Requests:
    """Counts requests in an audit log from one point in it to another."""

    def __init__(self, log: Path, user: str) -> None:
        self._log = log
        self._user = user
        self._offset = log.stat().st_size

    def count(self) -> Counter[str]:
        """Requests that ended since this was made or last asked, by "verb resource"."""
        found: Counter[str] = Counter()
        with self._log.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                event = json.loads(line)
                if event["user"]["username"] != self._user:
                    continue
                if event["verb"] == "watch" and event["stage"] != "ResponseStarted":
                    continue  # a watch is told twice: when it begins and when it ends
                reference = event.get("objectRef") or {}
                what = reference.get("resource") or event["requestURI"].partition("?")[0]
                found[f"{event['verb']} {what}"] += 1
        return found


def writes(counted: Counter[str]) -> int:
    """How many of counted requests were writes."""
    return sum(count for what, count in counted.items() if what.split()[0] not in READS)


def queries(prometheus: str) -> int:
    """Queries that Prometheus answered since its start."""
    total = 0.0
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{prometheus}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("prometheus_http_requests_total") and (
                'handler="/api/v1/query"' in line
            ):
                total += float(line.rpartition(" ")[2])
    return round(total)


def percentiles(seconds: Sequence[float]) -> dict[str, Any]:
    """Return p50, p99 and the largest in milliseconds; p99 is the nearest rank."""
    ordered = sorted(seconds)

    def rank(quantile: float) -> float:
        return round(ordered[math.ceil(quantile * len(ordered)) - 1] * 1000, 1)

    return {
        "changes": len(ordered),
        "p50_ms": rank(0.50),
        "p99_ms": rank(0.99),
        "max_ms": rank(1.0),
    }
