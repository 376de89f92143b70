"""`transit-models try`: what the server would make of a version, for people or for programs.

Neighbours: `packing.desk` asks the server's code.
"""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from transit_models.commands.common import Add
from transit_models.counting import counted
from transit_models.packing import desk


def add(command: Add) -> None:
    """Add it."""
    parser = command("try", _run, "Load a version as the server would, and say what comes of it.")
    parser.add_argument("store")
    parser.add_argument("reference", metavar="NAME@VERSION")
    parser.add_argument("--output", choices=["text", "json"], default="text")


def _run(options: argparse.Namespace) -> int:
    """0 for a version that would serve, else 1."""
    try:
        said = desk.ask("trial", options.store, options.reference)
    except desk.NotAsked as why:
        said = {"serves": False, "refused": str(why)}
    if options.output == "json":
        print(json.dumps(said, indent=2))
    else:
        print("\n".join(_told(said)))
    return 0 if said["serves"] else 1


def _told(said: dict[str, Any]) -> Iterator[str]:
    """What `try` found, for people."""
    if not said["serves"]:
        yield f"would not be served: {said['refused']}"
        return
    yield f"{said['model']} {said['version']} ({said['task']}): served by {said['engine']}"
    if said["why"]:
        yield f"  {said['why']}"
    for part in said["inputs"]:
        yield f"  in   {part['name']}: {part['datatype']} {part['shape']}"
    for name, value in said["outputs"].items():
        yield f"  out  {name}: {value}"
    yield f"  answers a probe with {said['answer']}"
    if said["golden"]:
        yield f"  says to {counted(said['golden'], 'golden row')} what the author's library said"
    original = said["original"]
    if original["serves"]:
        yield "  which is what the original says: it serves"
    else:
        yield (
            f"  the original says    {original['answer']}, "
            f"largest difference {original['largest_difference']:.1e}"
        )
    for text in said["dependencies"] or ["dependencies are as they are here"]:
        yield f"  {text}"
    figures = said["benchmark"]
    memory = said["memory_mib"]
    yield f"  {memory['serving']} MiB of memory, {memory['compiling']} more while it is compiled"
    yield f"  loaded in {said['load_seconds']} s; one row, {counted(figures['samples'], 'time')}:"
    yield "  mean      p50       p95       p99       rows/s"
    numbers = [figures[name] for name in ("mean_ms", "p50_ms", "p95_ms", "p99_ms")]
    yield (
        "  " + "".join(f"{number:.3f} ms".ljust(10) for number in numbers) + f"{figures['rps']:.0f}"
    )
