"""Measures this server and its peers on the same models and bodies, interleaved, in one run.

Per model: every server is started, has to give the same probabilities as the others, is warmed up;
then each number of connections is measured in rounds, in each round every server once. Results:
a table on standard output, `benchmarks/results/server.json` and `server.svg`.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.server import command
from benchmarks.server.figures import goals, report
from benchmarks.server.figures.rounds import interleaved, rest
from benchmarks.server.figures.rows import Row, best_peer, machine
from benchmarks.server.servers import compiled, environments
from benchmarks.server.servers.contestant import (
    MODELS,
    OWN,
    QUIET,
    THREADS,
    Contestant,
    Model,
    Place,
)
from benchmarks.server.servers.contestants import CONTESTANTS
from benchmarks.server.servers.running import ROOT, DoesNotRun, Running, free_ports, own_python

RESULTS = ROOT / "benchmarks" / "results"
_TOLERANCE = 1e-4
_BODIES = 16


class AnswersDiffer(Exception):
    """Two servers say different things about the same input: there is nothing to compare."""


def main() -> int:
    options = _options()
    environments.wrk()
    store = options.store
    if not store.is_dir():
        print(f"no models in {store}: run make models first", file=sys.stderr)
        return 2
    wanted = [one for one in CONTESTANTS if one.kind == "own" or _is_wanted(one, options.peers)]
    pythons, absent = _install(wanted)
    rows: list[Row] = []
    before = os.getloadavg()[0]
    for model in MODELS:
        if options.models and model.kind not in options.models:
            continue
        try:
            rows += _measured(model, wanted, pythons, absent, options)
        except AnswersDiffer as error:
            print(f"refused, nothing is written: {error}", file=sys.stderr)
            return 1
    found = goals.goals(rows)
    result = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python -m benchmarks.server " + " ".join(sys.argv[1:]),
        "machine": machine(),
        "load_average": {"before": round(before, 2), "after": round(os.getloadavg()[0], 2)},
        "seconds": options.seconds,
        "rounds": options.rounds,
        "environment": {**THREADS, **QUIET},
        "servers": [_described(one) for one in wanted if one.name in pythons],
        "absent": absent,
        "rows": [row.as_dict() for row in rows],
        "goals": [goal.as_dict() for goal in found],
    }
    print("\n" + report.table(rows) + "\n")
    if found:
        print(goals.table(found) + "\n")
    for line in _ratios(rows):
        print(line)
    for name, why in absent.items():
        print(f"not measured: {name}: {why}")
    print(f"load average {before:.2f} before, {os.getloadavg()[0]:.2f} at the end")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "server.json").write_text(json.dumps(result, indent=1) + "\n")
    middle = sorted(set(options.connections))[len(set(options.connections)) // 2]
    (options.out / "server.svg").write_text(report.plot(rows, middle))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.server",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python -m benchmarks.server --models forest --peers triton,mosec "
        "--connections 1,16,64 --seconds 5",
    )
    kinds = [model.kind for model in MODELS]
    peers = [one for one in CONTESTANTS if one.kind != "own"]
    names = [*dict.fromkeys(one.environment for one in peers), *(one.name for one in peers)]
    models, known = command.some_of(kinds), command.some_of(names)
    parser.add_argument("--models", type=models, help=f"only these, of {', '.join(kinds)}")
    parser.add_argument(
        "--peers", type=known, help="only these besides this server, by program or by name"
    )
    parser.add_argument("--connections", type=command.numbers, default=[1, 16, 64])
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement (3)")
    parser.add_argument("--rounds", type=int, default=3, help="whose median counts (3)")
    parser.add_argument("--store", type=Path, default=ROOT / "build" / "models")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of JSON and plot")
    return parser.parse_args()


def _is_wanted(peer: Contestant, peers: Sequence[str] | None) -> bool:
    return peers is None or peer.environment in peers or peer.name in peers


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def _install(wanted: Sequence[Contestant]) -> tuple[dict[str, Path], dict[str, str]]:
    """The interpreter of each contestant, and why some can't be had."""
    pythons, absent = {}, {}
    for one in wanted:
        try:
            pythons[one.name] = (
                environments.python_of(one.environment, _say) if one.environment else own_python()
            )
        except environments.CannotInstall as error:
            absent[one.name] = f"can't be installed: {error}"
            _say(f"{one.name}: {absent[one.name]}")
    return pythons, absent


def _measured(
    model: Model,
    wanted: Sequence[Contestant],
    pythons: dict[str, Path],
    absent: dict[str, str],
    options: argparse.Namespace,
) -> list[Row]:
    inputs = row_bodies(model, options.store)
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-server-") as scratch, ExitStack() as stack:
        onnx_of = cache(lambda: compiled.compiled(model, options.store, Path(scratch)))
        running: list[Running] = []
        for each in wanted:
            if each.name not in pythons:
                continue
            folder = Path(scratch) / each.name
            folder.mkdir()
            try:
                server = _started(each, pythons[each.name], folder, model, options, onnx_of, stack)
                server.until_answers(inputs[0])
                running.append(server)
            except DoesNotRun as error:
                absent[f"{each.name}, {model.kind}"] = str(error)
                _say(f"{model.kind} {each.name}: can't be measured: {error}")
        _check(model, running, inputs)
        for one in running:
            rest(one)
        for connections in options.connections:
            seen = interleaved(running, inputs, connections, options.seconds, options.rounds)
            for one in running:
                row = Row.of(one.contestant, model.kind, connections, seen[one.contestant.name])
                rows.append(row)
                _say(row.line())
    return rows


def _started(
    one: Contestant,
    python: Path,
    folder: Path,
    model: Model,
    options: argparse.Namespace,
    onnx_of: Callable[[], Path],
    stack: ExitStack,
) -> Running:
    onnx = onnx_of() if one.kind in ("compiled", "by hand") else None
    place = Place(free_ports(3), folder, options.store, model, onnx)
    _say(f"{model.kind}: starting {one.name}")
    server = Running(one, python, place)
    stack.callback(server.stop)
    return server.start()


def row_bodies(model: Model, store: Path) -> list[str]:
    """Rows of the version's own probes as JSON, each number as short as a 32-bit float can be."""
    probes = np.load(model.directory(store) / "probe.npy").astype(np.float32)
    rows = np.resize(probes, (_BODIES, probes.shape[1]))
    return ["[" + ", ".join(str(value) for value in row) + "]" for row in rows]


def _check(model: Model, running: Sequence[Running], inputs: Sequence[str]) -> None:
    for row in inputs:
        must_agree(model.kind, {one.contestant.name: one.ask(row) for one in running})
    _say(f"{model.kind}: {len(running)} servers agree within {_TOLERANCE:g}")


def must_agree(what: str, answers: Mapping[str, Sequence[float]]) -> None:
    """Raises `AnswersDiffer` unless all say the same probabilities, within 1e-4."""
    (first, expected), *others = answers.items()
    for name, said in others:
        if len(said) == len(expected) and np.max(np.abs(np.subtract(said, expected))) <= _TOLERANCE:
            continue
        raise AnswersDiffer(f"{what}: {name} says {said}, {first} {expected}")


def _described(one: Contestant) -> dict[str, str]:
    environment = one.environment
    version = environments.version_of(environment, one.package) if environment else "this tree"
    return {"name": one.name, "version": f"{one.package} {version}", "settings": one.settings}


def _ratios(rows: Sequence[Row]) -> list[str]:
    lines = []
    for row in rows:
        best = best_peer(rows, row.model, row.connections)
        if row.server == OWN and best is not None:
            lines.append(
                f"{row.model}, {row.connections} connections: {row.rps:,.0f} rps is "
                f"{row.rps / best.rps:.1f} times the best peer with the original model, "
                f"{best.server} ({best.rps:,.0f})"
            )
    return lines


if __name__ == "__main__":
    command.run(main)
