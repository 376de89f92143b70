"""What the prediction log takes of the server's throughput, and whether all is in it in the end.

    python -m benchmarks.prediction_log
    python -m benchmarks.prediction_log --features Keep --batch 32

The same server twice, with the log into a folder (all requests, no share) and without, measured in
turn: the machine's speed changes with the minute, so only what was measured side by side is
compared. Then the server ends, and the lines of its files are counted against the rows that it says
it has answered. Printed as a table, and written to `benchmarks/results/prediction-log.json`.
"""

import argparse
import gzip
import json
import os
import tempfile
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.server import command
from benchmarks.server.__main__ import RESULTS, row_bodies
from benchmarks.server.commits import HEAD, compared
from benchmarks.server.figures.rounds import interleaved
from benchmarks.server.figures.rows import machine
from benchmarks.server.servers import environments
from benchmarks.server.servers.contestant import MODELS, OWN, Contestant, Model, Place
from benchmarks.server.servers.contestants import CONTESTANTS
from benchmarks.server.servers.running import ROOT, Running, free_ports, own_python

_WITHOUT, _WITH = "without", "with"
_GOAL = 0.95


def main() -> int:
    """Measure, print, write. 1: the goal is not met, or lines are missing."""
    options = _options()
    environments.wrk()
    model = next(one for one in MODELS if one.kind == options.model)
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-log-") as scratch, ExitStack() as stack:
        log = Path(scratch) / "log"
        running, probes = [], ""
        rows = row_bodies(model, options.store)
        for name in (_WITHOUT, _WITH):
            folder = Path(scratch) / name
            folder.mkdir()
            place = Place(free_ports(3), folder, options.store, model, None)
            wanted = _contestant(name, model, options, log if name == _WITH else None)
            server = Running(wanted, own_python(), place)
            stack.callback(server.stop)
            server.start()
            server.until_answers(rows[0])
            running.append(server)
            probes = f"http://127.0.0.1:{place.port + 1}"
        print(HEAD)
        measured = []
        for connections in options.connections:
            seen = interleaved(running, rows, connections, options.seconds, options.rounds)
            route = f"batches of {options.batch}" if options.batch > 1 else "single rows"
            one = compared(model.kind, route, connections, seen[_WITHOUT], seen[_WITH])
            print(one.line, flush=True)
            measured.append(one)
        told = _samples(probes)
        running[1].stop()
        lines, size = _counted(log)
    best = max(one.after_rps for one in measured) * options.batch
    answered = int(told["predicted_rows_total"])
    dropped = int(told["prediction_log_dropped_total"])
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python -m benchmarks.prediction_log",
        "machine": machine(),
        "load_average": {"before": round(load_before, 2), "after": round(os.getloadavg()[0], 2)},
        "features": options.features,
        "seconds": options.seconds,
        "rounds": options.rounds,
        "rows": [{**asdict(one), "verdict": one.verdict} for one in measured],
        "predictions_per_second": round(best),
        "answered": answered,
        "lines": lines,
        "dropped": dropped,
        "bytes_per_line": round(size / max(1, lines), 1),
    }
    print(
        f"{answered} rows answered, {lines} lines in the log, {dropped} dropped, "
        f"{result['bytes_per_line']} bytes each; up to {best:,.0f} predictions/s; "
        f"load average {load_before:.2f} before, {os.getloadavg()[0]:.2f} at the end"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "prediction-log.json").write_text(json.dumps(result, indent=1) + "\n")
    return int(lines != answered or any(one.ratios[1] < _GOAL or one.failed for one in measured))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.prediction_log",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = [one.kind for one in MODELS]
    parser.add_argument("--model", choices=kinds, default="boosted")
    parser.add_argument("--features", choices=("Omit", "Hash", "Keep"), default="Omit")
    parser.add_argument("--batch", type=int, default=1, help="rows of a request (1)")
    parser.add_argument("--connections", type=command.numbers, default=[16])
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement (3)")
    parser.add_argument("--rounds", type=int, default=9, help="with both in each (9)")
    parser.add_argument("--store", type=Path, default=ROOT / "build" / "models")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    return parser.parse_args()


def _contestant(
    name: str, model: Model, options: argparse.Namespace, log: Path | None
) -> Contestant:
    """This server; with a log where there is a place for it."""
    own = next(one for one in CONTESTANTS if one.name == OWN)
    variables = {}
    if log is not None:
        secret = log.parent / "secret"
        secret.mkdir()
        (secret / "salt").write_text("a salt of a benchmark")
        said = {"uri": log.as_uri(), "secret": str(secret), "features": options.features}
        variables["TRANSIT_PREDICTION_LOG"] = json.dumps(said)
    made = replace(own, name=name, variables=lambda place: {**own.variables(place), **variables})
    if options.batch == 1:
        return made

    def body(row: str) -> bytes:
        listed = ", ".join([row] * options.batch)
        return f'{{"features": [{listed}], "model": "{model.name}"}}'.encode()

    def first(answer: bytes) -> list[float]:
        found = json.loads(answer)["predictions"][0]["probabilities"]
        return list(found.values())

    return replace(made, path="/api/v1/predict/batch", body=body, answer=first)


def _samples(probes: str) -> dict[str, float]:
    """What a server says of itself, added up by names."""
    with urllib.request.urlopen(f"{probes}/metrics", timeout=20) as answer:  # noqa: S310
        page = answer.read().decode()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def _counted(log: Path) -> tuple[int, int]:
    """The lines of all files, and what they take on the disk."""
    files: Sequence[Path] = list(log.glob("predictions/**/*.gz"))
    lines = sum(gzip.decompress(file.read_bytes()).count(b"\n") for file in files)
    return lines, sum(file.stat().st_size for file in files)


if __name__ == "__main__":
    command.run(main)
