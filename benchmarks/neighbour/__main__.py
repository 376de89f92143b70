"""How does a client with single rows fare beside one that sends the largest batches, rows on which
the model's code raises, and bodies a byte at a time, as fast as it can?

For each server, one after the other: the quiet client alone, then beside the noisy one. Printed as
a table, with what this server's metrics said meanwhile of the revision (by which a rollout would be
judged), and written to `benchmarks/results/neighbour.json`.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import joblib

from benchmarks.neighbour.counted import Counted
from benchmarks.neighbour.noisy import Noise
from benchmarks.neighbour.quiet import Quiet, Seen
from benchmarks.neighbour.report import Result, goals, table
from benchmarks.neighbour.steps import BREAKS, PedanticScaler
from benchmarks.server import command
from benchmarks.server.__main__ import RESULTS, row_bodies
from benchmarks.server.figures.rows import machine
from benchmarks.server.servers import environments
from benchmarks.server.servers.contestant import MODELS, OWN, PEERS, Contestant, Model, Place
from benchmarks.server.servers.contestants import CONTESTANTS
from benchmarks.server.servers.running import ROOT, DoesNotRun, Running, free_ports, own_python
from transit_models.integrity import PREPROCESSING, write_checksums

_SERVERS = (OWN, "mlserver-batching", "bentoml")
# Rows of the largest batch that is taken: by this server's bound for a body, in JSON; as many for
# MLServer, which has none; as many as one batch of its service for BentoML, which refuses more.
_BATCH_ROWS = {OWN: 3500, "mlserver-batching": 3500, "bentoml": 32}
_BATCH_PATH = {OWN: "/api/v1/predict/batch"}
_CONNECTIONS = {"batches": 4, "rows": 4, "drips": 16}
_SETTLE = 2.0
# Where each server finds its own code, and that of the model.
WITH_OUR_STEPS = (ROOT, ROOT / "models", ROOT / "server", PEERS)


def main() -> int:
    options = _options()
    store = options.store.resolve()
    if not store.is_dir():
        print(f"no models in {store}: run make models first", file=sys.stderr)
        return 2
    model = next(one for one in MODELS if one.kind == options.model)
    results, absent = [], {}
    with tempfile.TemporaryDirectory(prefix="bench-neighbour-") as scratch:
        careless = _careless(model, store, Path(scratch))
        for contestant in CONTESTANTS:
            if contestant.name in options.servers:
                folder = Path(scratch) / contestant.name
                folder.mkdir()
                try:
                    found = _measured(contestant, model, careless, folder, options.seconds)
                except (environments.CannotInstall, DoesNotRun) as error:
                    absent[contestant.name] = str(error)
                    print(f"{contestant.name}: {error}", file=sys.stderr, flush=True)
                    continue
                results.append(found)
                print(f"{contestant.name}: done", file=sys.stderr, flush=True)
    print(table(results))
    written = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python -m benchmarks.neighbour",
        "machine": machine(),
        "load_average": round(os.getloadavg()[0], 2),
        "seconds": options.seconds,
        "model": model.name,
        "connections": _CONNECTIONS,
        "servers": [asdict(one) for one in results],
        "absent": absent,
        "goals": {one.server: dict(goals(one)) for one in results if one.counted is not None},
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "neighbour.json").write_text(json.dumps(written, indent=1) + "\n")
    return int(bool(absent))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.neighbour",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known = command.some_of(_SERVERS)
    parser.add_argument("--model", choices=[one.kind for one in MODELS], default="forest")
    parser.add_argument(
        "--servers", type=known, default=_SERVERS, help=f"of {', '.join(_SERVERS)}, all by default"
    )
    parser.add_argument("--seconds", type=float, default=20, help="of each of the two phases (20)")
    parser.add_argument("--store", type=Path, default=ROOT / "build" / "models")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON")
    return parser.parse_args()


def _careless(model: Model, store: Path, work: Path) -> Path:
    """A store with `model` as it is, but with preprocessing that raises on some rows."""
    directory = model.directory(work / "store")
    copytree(model.directory(store), directory)
    good = joblib.load(directory / PREPROCESSING)
    pedantic = PedanticScaler()
    vars(pedantic).update(vars(good))
    joblib.dump(pedantic, directory / PREPROCESSING)
    write_checksums(directory)
    return work / "store"


def _measured(
    contestant: Contestant, model: Model, store: Path, folder: Path, seconds: float
) -> Result:
    python = (
        environments.python_of(contestant.environment, print)
        if contestant.environment
        else own_python()
    )
    place = Place(free_ports(3), folder, store, model, None)
    server = Running(_with_our_steps(contestant), python, place)
    rows = row_bodies(model, store)
    try:
        server.start()
        server.until_answers(rows[0])
        quiet, noise = _tasks(server, place, folder, rows, seconds)
        _ask(replace(quiet, seconds=_SETTLE))
        alone = _ask(quiet)
        with _noise(noise, folder) as said:
            time.sleep(_SETTLE)
            before = _counted(contestant, place)
            beside = _ask(quiet)
            after = _counted(contestant, place)
        counted = after.since(before) if before and after else None
        return Result(contestant.name, alone, beside, said, counted)
    finally:
        server.stop()


def _with_our_steps(contestant: Contestant) -> Contestant:
    """The same, able to unpickle `PedanticScaler`."""
    path = os.pathsep.join(map(str, WITH_OUR_STEPS))
    return replace(
        contestant,
        variables=lambda place: {**contestant.variables(place), "PYTHONPATH": path},
    )


def _tasks(
    server: Running, place: Place, folder: Path, rows: Sequence[str], seconds: float
) -> tuple[Quiet, Noise]:
    contestant = server.contestant
    bodies = []
    for number, row in enumerate(rows):
        path = folder / f"row-{number}"
        path.write_bytes(contestant.body(row))
        bodies.append(str(path))
    count = _BATCH_ROWS[contestant.name]
    batch, broken = folder / "batch", folder / "broken"
    batch.write_bytes(batch_body(contestant.name, rows, count))
    values = json.loads(rows[0])
    broken.write_bytes(contestant.body(json.dumps([BREAKS, *values[1:]])))
    headers = dict(contestant.headers)
    noise = Noise(
        place.port,
        headers,
        _BATCH_PATH.get(contestant.name, server.path),
        str(batch),
        server.path,
        str(broken),
        **_CONNECTIONS,
    )
    return Quiet(place.port, server.path, headers, bodies, seconds), noise


def batch_body(server: str, rows: Sequence[str], count: int) -> bytes:
    """`count` rows in one request, as `server` wants it."""
    together = ", ".join(rows[number % len(rows)] for number in range(count))
    if server == OWN:
        return f'{{"features": [{together}]}}'.encode()
    if server == "bentoml":
        return f'{{"rows": [{together}]}}'.encode()
    width = len(json.loads(rows[0]))
    tensor = f'"name": "rows", "shape": [{count}, {width}], "datatype": "FP32"'
    return f'{{"inputs": [{{{tensor}, "data": [{together}]}}]}}'.encode()


def _ask(task: Quiet) -> Seen:
    """Run the quiet client to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.neighbour.quiet", json.dumps(asdict(task))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return Seen(**json.loads(done.stdout))


@contextmanager
def _noise(task: Noise, folder: Path) -> Iterator[dict[str, int]]:
    """The noisy client meanwhile; what it was answered is in the dictionary afterwards."""
    said: dict[str, int] = {}
    output = folder / "noisy.json"
    with output.open("wb") as written:
        noisy = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.neighbour.noisy", json.dumps(asdict(task))],
            cwd=ROOT,
            stdout=written,
        )
        try:
            yield said
        finally:
            noisy.send_signal(signal.SIGTERM)
            noisy.wait(60)
    said.update(json.loads(output.read_text()))


def _counted(contestant: Contestant, place: Place) -> Counted | None:
    if contestant.name != OWN:
        return None
    return Counted.at(f"http://127.0.0.1:{place.port + 1}/metrics")


if __name__ == "__main__":
    command.run(main)
