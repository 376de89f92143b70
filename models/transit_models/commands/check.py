"""`transit-models check`: the guide's checklist for a version, as far as a command can tick it.

It is what `try` finds out, held against limits, line by line: for people a table, for pipelines
JSON or JUnit, and an exit code. Neighbours: `packing.desk` asks the server's code.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args
from xml.etree import ElementTree

from transit_models.commands.common import Add
from transit_models.counting import counted
from transit_models.file_formats import FileFormat
from transit_models.packing import desk

State = Literal["passed", "warning", "failed", "skipped"]
_MARKS: dict[State, str] = {"passed": "ok", "warning": "warn", "failed": "FAIL", "skipped": "-"}
# In the order in which they are looked at; and which of them a trial ends at that was in a part.
_NAMES = (
    *("integrity", "metadata", "formats", "loading", "dependencies", "golden requests"),
    *("inference", "latency", "memory"),
)
_ENDS_AT = {"store": "integrity", "golden": "golden requests"}
_SECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}  # in milliseconds
_BYTES = {"M": 1e6 / 2**20, "Mi": 1.0, "G": 1e9 / 2**20, "Gi": 1024.0}  # in MiB


@dataclass(frozen=True)
class Line:
    """One thing that was looked at, and what came of it."""

    name: str
    state: State
    said: str


@dataclass(frozen=True)
class Limits:
    p95_ms: float
    memory_mib: float
    dependencies: Literal["Warn", "Refuse"] = "Warn"


def add(command: Add) -> None:
    """Add it."""
    parser = command(
        "check", _run, "What has to be right before a version is published, as a list."
    )
    parser.add_argument("store")
    parser.add_argument("reference", metavar="NAME@VERSION")
    parser.add_argument(
        "--p95",
        type=_quantity(_SECONDS, "a time such as 200ms or 1s"),
        default="200ms",
        metavar="TIME",
        help="what 95 of 100 single rows may take at most (default 200ms)",
    )
    parser.add_argument(
        "--memory",
        type=_quantity(_BYTES, "a size such as 512MiB or 2GiB"),
        default="2GiB",
        metavar="SIZE",
        help="what the server's process may take at most, compiling included (default 2GiB)",
    )
    parser.add_argument(
        "--dependencies",
        choices=["Warn", "Refuse"],
        default="Warn",
        help="whether other versions of libraries than the model was made with are a failure",
    )
    parser.add_argument(
        "--formats",
        default="",
        metavar="LIST",
        type=_formats,
        help="what the cluster's servers may open, such as onnx,skops (default: all)",
    )
    parser.add_argument("--output", choices=["text", "json", "junit"], default="text")


def _run(options: argparse.Namespace) -> int:
    """0 if nothing failed, else 1."""
    asked = [options.store, options.reference]
    asked += ["--formats", options.formats] if options.formats else []
    try:
        said = desk.ask("trial", *asked)
    except desk.NotAsked as why:
        said = {"serves": False, "refused": str(why), "begun": ["loading"]}
    lines = list(judged(said, Limits(options.p95, options.memory, options.dependencies)))
    failed = any(line.state == "failed" for line in lines)
    if options.output == "json":
        shown = {"passed": not failed, "checks": [asdict(line) for line in lines], "trial": said}
        print(json.dumps(shown, indent=2))
    elif options.output == "junit":
        print(_junit(options.reference, lines))
    else:
        print("\n".join(_table(options.reference, lines, failed)))
    return 1 if failed else 0


def judged(said: dict[str, Any], limits: Limits) -> Iterator[Line]:
    """The lines, of what the trial said."""
    if not said["serves"]:
        part = said["begun"][-1]
        failed = _NAMES.index(_ENDS_AT.get(part, part))
        yield from (Line(name, "passed", "") for name in _NAMES[:failed])
        yield Line(_NAMES[failed], "failed", said["refused"])
        yield from (Line(name, "skipped", "not reached") for name in _NAMES[failed + 1 :])
        return
    yield Line("integrity", "passed", "every file is what its publisher wrote")
    yield _metadata(said)
    yield Line("formats", "passed", "all of its files may be opened")
    yield Line("loading", "passed", f"by {said['engine']}, in {said['load_seconds']} s")
    yield _dependencies(said["dependencies"], limits)
    yield _golden(said["golden"])
    yield Line("inference", "passed", f"a probe is answered with {said['answer'][:4]}")
    yield _latency(said["benchmark"], limits)
    yield _memory(said["memory_mib"], limits)


def _metadata(said: dict[str, Any]) -> Line:
    if not said["performance"]:
        how = "it has no figures of the model's performance: pack it with --metrics FILE"
        return Line("metadata", "warning", how)
    figures = ", ".join(f"{name} {value}" for name, value in said["performance"].items())
    return Line("metadata", "passed", f"{said['task']}; {figures}"[:200])


def _dependencies(other: list[str], limits: Limits) -> Line:
    if not other:
        return Line("dependencies", "passed", "none is here in another minor version")
    refused = limits.dependencies == "Refuse"
    return Line("dependencies", "failed" if refused else "warning", "; ".join(other))


def _golden(rows: int) -> Line:
    if not rows:
        how = "there are none: pack it with --probe FILE --golden N"
        return Line("golden requests", "warning", how)
    return Line(
        "golden requests", "passed", f"{counted(rows, 'row')}, answered as its author's library did"
    )


def _latency(figures: dict[str, float], limits: Limits) -> Line:
    words = (
        f"p95 {figures['p95_ms']:.3f} ms of {limits.p95_ms:g} ms; mean {figures['mean_ms']:.3f}, "
        f"p50 {figures['p50_ms']:.3f}, p99 {figures['p99_ms']:.3f} ms, {figures['rps']:.0f} rows/s"
    )
    return Line("latency", "passed" if figures["p95_ms"] <= limits.p95_ms else "failed", words)


def _memory(memory: dict[str, int], limits: Limits) -> Line:
    most = sum(memory.values())
    words = f"{most} MiB of {limits.memory_mib:.0f} MiB: {memory['serving']} to serve"
    if memory["compiling"]:
        words += f", {memory['compiling']} more while it is compiled"
    return Line("memory", "passed" if most <= limits.memory_mib else "failed", words)


def _table(reference: str, lines: list[Line], failed: bool) -> Iterator[str]:
    yield f"{reference}: {'must not be published' if failed else 'may be published'}"
    for line in lines:
        yield f"  {_MARKS[line.state]:<5} {line.name:<16} {line.said}".rstrip()


def _junit(reference: str, lines: list[Line]) -> str:
    counts = {state: sum(line.state == state for line in lines) for state in get_args(State)}
    suite = ElementTree.Element(
        "testsuite",
        name=f"transit-models check {reference}",
        tests=str(len(lines)),
        failures=str(counts["failed"]),
        skipped=str(counts["skipped"]),
        errors="0",
    )
    for line in lines:
        case = ElementTree.SubElement(suite, "testcase", classname=reference, name=line.name)
        if line.state == "failed":
            ElementTree.SubElement(case, "failure", message=line.said)
        elif line.state == "skipped":
            ElementTree.SubElement(case, "skipped")
        else:
            ElementTree.SubElement(case, "system-out").text = line.said
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, "unicode", xml_declaration=True)


def _quantity(units: dict[str, float], what: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", text.strip())
        unit = units.get(match[2].removesuffix("B")) if match else None
        if match is None or unit is None:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return float(match[1]) * unit

    return read


def _formats(text: str) -> str:
    unknown = set(filter(None, text.split(","))) - set(get_args(FileFormat))
    if unknown:
        known = ", ".join(get_args(FileFormat))
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: known are {known}")
    return text
