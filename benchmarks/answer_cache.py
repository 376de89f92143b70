"""What the answer cache gains, model by model, and what it costs where there is nothing to gain.

    python -m benchmarks.answer_cache
    python -m benchmarks.answer_cache --slow   # a model that takes 20 ms; seconds

The same server three times, measured in turn: without a cache; with one that has every answer; and
with one whose Redis is hanging. A Redis on the same machine is as near as one can be: over a
network, each look-up takes a round trip longer. Printed as tables, and written to
`benchmarks/results/answer-cache.json`.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.server import command
from benchmarks.server.__main__ import RESULTS, row_bodies
from benchmarks.server.commits import HEAD, compared
from benchmarks.server.figures.rounds import interleaved
from benchmarks.server.figures.rows import machine
from benchmarks.server.servers import environments
from benchmarks.server.servers.contestant import MODELS, OWN, Contestant, Place
from benchmarks.server.servers.contestants import CONTESTANTS
from benchmarks.server.servers.running import ROOT, Running, free_ports, own_python
from tests import redis_server
from tests.redis_server import RedisServer
from tests.server import bad_models
from tests.server.example_store import forest, publish, sample, to_onnx
from tests.server.running import RunningServer, eventually

_WITHOUT, _WITH, _HANGING = "without", "with", "hanging"


def main() -> int:
    """Measure, print, write."""
    options = _options()
    if options.slow:
        return _slow()
    environments.wrk()
    own = next(one for one in CONTESTANTS if one.name == OWN)
    load_before = os.getloadavg()[0]
    found = []
    for model in MODELS:
        with tempfile.TemporaryDirectory(prefix="bench-cache-") as scratch, ExitStack() as stack:
            caches = {
                name: stack.enter_context(_redis(Path(scratch) / f"redis-{name}"))
                for name in (_WITH, _HANGING)
            }
            running = []
            rows = row_bodies(model, options.store)
            for name in (_WITHOUT, _WITH, _HANGING):
                folder = Path(scratch) / name
                folder.mkdir()
                wanted = _contestant(own, name, _variables(folder, caches.get(name)))
                place = Place(free_ports(3), folder, options.store, model, None)
                server = Running(wanted, own_python(), place)
                stack.callback(server.stop)
                server.start()
                server.until_answers(rows[0])
                running.append(server)
            caches[_HANGING].hang()
            print(f"\n{model.kind}\n{HEAD}")
            for connections in options.connections:
                seen = interleaved(running, rows, connections, options.seconds, options.rounds)
                for name in (_WITH, _HANGING):
                    one = compared(model.kind, name, connections, seen[_WITHOUT], seen[name])
                    print(one.line, flush=True)
                    found.append({**asdict(one), "verdict": one.verdict})
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python -m benchmarks.answer_cache",
        "machine": machine(),
        "load_average": {"before": round(load_before, 2), "after": round(os.getloadavg()[0], 2)},
        "seconds": options.seconds,
        "rounds": options.rounds,
        "rows": found,
    }
    print(f"load average {load_before:.2f} before, {os.getloadavg()[0]:.2f} at the end")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "answer-cache.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


def _slow() -> int:
    """One client, and a model that takes 20 ms a row: each row once, then all of them again."""
    with tempfile.TemporaryDirectory(prefix="bench-cache-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        onnx = to_onnx(forest(40))
        step = bad_models.SleepsPerRow(0.02)
        publish(folder / "store", "slow", "1.0.0", ".onnx", lambda p: _written(p, onnx), step)
        cache = stack.enter_context(_redis(folder / "redis"))
        rows = [[1000.0, *map(float, row[1:])] for row in sample(100).rows]
        for name in (_WITHOUT, _WITH):
            (folder / name).mkdir()
            told = _variables(folder / name, cache if name == _WITH else None)
            wanted = RunningServer(folder / "store", folder / name, {"slow": "1.0.0"}, **told)
            server = stack.enter_context(wanted)
            server.until_ready()
            if name == _WITH:
                closed = {"state": "closed"}
                eventually(
                    lambda: server.metric("answer_cache_circuit_state", **closed) == 1,  # noqa: B023
                    "a cache that is asked",
                )
            for turn in ("first", "again"):
                took = []
                for row in rows:
                    began = time.perf_counter()
                    server.predict(row).raise_for_status()
                    took.append(1000 * (time.perf_counter() - began))
                p50, p95 = statistics.median(took), statistics.quantiles(took, n=20)[-1]
                print(f"{name}, {turn}: p50 {p50:.2f} ms, p95 {p95:.2f} ms", flush=True)
    return 0


def _written(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _contestant(own: Contestant, name: str, more: dict[str, str]) -> Contestant:
    return replace(own, name=name, variables=lambda place: {**own.variables(place), **more})


def _redis(folder: Path) -> AbstractContextManager[RedisServer]:
    folder.mkdir()
    return redis_server.running("redis", folder)


def _variables(folder: Path, cache: RedisServer | None) -> dict[str, str]:
    key = folder / "feedback-key"
    key.write_bytes(os.urandom(32))
    signing = {"TRANSIT_FEEDBACK_KEY_FILE": str(key)}
    if cache is None:
        return signing
    said = {"secret": str(cache.secret), "ttl": "1h"}
    return signing | {"TRANSIT_ANSWER_CACHE": json.dumps(said)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.answer_cache",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--slow", action="store_true", help="only a slow model, and one client")
    parser.add_argument("--connections", type=command.numbers, default=[1, 16])
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement (2)")
    parser.add_argument("--rounds", type=int, default=5, help="with all three in each (5)")
    parser.add_argument("--store", type=Path, default=ROOT / "build" / "models")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    return parser.parse_args()


if __name__ == "__main__":
    command.run(main)
