"""`transit-models try`: loads a version as the server would, and tells what came of it.

`python -m transit_server.desk.trial STORE NAME@VERSION [--samples N]` prints one JSON object; exit
code 0 for a version that would serve, 1 for one that would not. Neighbours:
`transit_models.commands.trial` and `check` tell it.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from transit_models import ModelStoreError, VerifiedVersion, fetch_verified, open_storage
from transit_models.errors import InvalidMetadata
from transit_models.file_formats import FileFormat
from transit_models.schema import Classes, Number
from transit_models.storage import split_reference
from transit_server import formats
from transit_server.api import golden
from transit_server.api.v2.inputs import described
from transit_server.formats import opening, whole
from transit_server.formats.allowed import refuse_forbidden
from transit_server.formats.base import UnsupportedModel, first_line, largest_difference
from transit_server.serving.one_model.predictor import Predictor
from transit_server.serving.starting.checking import check
from transit_server.serving.starting.dependencies import differences

_SAMPLES = 100


def tried(
    store: str,
    reference: str,
    samples: int,
    allowed: tuple[FileFormat, ...] | None,
    begin: Callable[[str], object],
) -> dict[str, Any]:
    """`begin` is told each part that begins. Raises `ModelStoreError`, `UnsupportedModel`, and
    whatever the model raises.
    """
    begin("store")
    storage = open_storage(store)
    name, wanted = split_reference(reference)
    with tempfile.TemporaryDirectory(prefix="transit-try-") as folder:
        work = Path(folder)
        resolved = storage.resolve(name, wanted or "latest")
        begin("integrity")
        try:
            version = fetch_verified(storage, name, resolved, work / "store")
        except InvalidMetadata:
            begin("metadata")
            raise
        begin("formats")
        refuse_forbidden(version, allowed)
        begin("loading")
        start = time.perf_counter()
        version = formats.described(version)
        loaded = formats.load(version, work)
        seconds = time.perf_counter() - start
        predictor = Predictor(
            loaded.prepare, loaded.predict, loaded.width, probabilities=loaded.probabilities
        )
        begin("golden")
        if loaded.golden is not None:
            golden.replay(loaded.inputs, predictor, loaded.golden)
        begin("inference")
        made_up = version.probe is None
        checked = check(f"{name} {resolved}", predictor, loaded.probes, 32, made_up=made_up)
        said = predictor(loaded.probes)
        figures = _benchmark(lambda: predictor(loaded.probes[:1]), samples)
        memory = _memory()  # before the original is opened, which need not serve
        return {
            "model": name,
            "version": resolved,
            "task": version.metadata.task,
            "performance": version.metadata.performance,
            "inputs": described(loaded.inputs),
            "outputs": _outputs(loaded),
            "engine": loaded.engine,
            "why": "; ".join(part for part in (loaded.note, checked.note) if part),
            "load_seconds": round(seconds, 3),
            "answer": _rounded(said.scores[0]),
            "golden": 0 if loaded.golden is None else len(loaded.golden),
            "original": _original(version, loaded, said.scores),
            "dependencies": [
                *differences(version.metadata.dependencies),
                *differences(loaded.says.written_by, "its file was written by"),
            ],
            "benchmark": figures,
            "memory_mib": memory,
            "serves": True,
        }


def _outputs(loaded: formats.Loaded) -> dict[str, Any]:
    if isinstance(loaded.outputs, Classes):
        return {
            "labels": list(loaded.outputs.labels),
            "probabilities": loaded.outputs.probabilities,
        }
    if isinstance(loaded.outputs, Number):
        return {"unit": loaded.outputs.unit, "bins": list(loaded.outputs.bins)}
    return dict(loaded.widths)


def _original(version: VerifiedVersion, loaded: formats.Loaded, scores: Any) -> dict[str, Any]:
    """What the model's own library says to the same rows, where something else serves."""
    if not loaded.note.startswith(("compiled", "twin of")):
        return {"serves": True}
    from transit_server.formats.agreeing.outputs import answers

    source = whole.begin(version).source
    mapped = answers(opening.original(source), source.schema.outputs)
    assert source.probes is not None
    said = mapped.predict(source.probes)
    return {
        "serves": False,
        "answer": _rounded(said[0]),
        "largest_difference": largest_difference(said, np.asarray(scores)),
    }


def _rounded(row: Any) -> list[float]:
    return [round(float(value), 6) for value in row[:20]]


def _benchmark(call: Callable[[], object], samples: int) -> dict[str, float]:
    """The guide's table: one row at a time, in milliseconds."""
    took = []
    for _ in range(samples):
        start = time.perf_counter()
        call()
        took.append((time.perf_counter() - start) * 1e3)
    p50, p95, p99 = np.percentile(took, [50, 95, 99]).tolist()
    mean = fmean(took)
    figures = {"mean_ms": mean, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "rps": 1e3 / mean}
    return {"samples": samples, **{name: round(value, 4) for name, value in figures.items()}}


def _memory() -> dict[str, int]:
    """The most that were resident: here, and in the process that compiled the model beside it."""
    unit = 1024 if sys.platform != "darwin" else 1024**2
    return {
        "serving": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit,
        "compiling": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // unit,
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("store")
    parser.add_argument("reference")
    parser.add_argument("--samples", type=int, default=_SAMPLES)
    parser.add_argument("--formats", default="")
    options = parser.parse_args()
    allowed = tuple(options.formats.split(",")) if options.formats else None
    begun: list[str] = []
    try:
        said = tried(options.store, options.reference, options.samples, allowed, begun.append)
    except (ModelStoreError, UnsupportedModel) as error:
        said = {"serves": False, "refused": str(error)}
    except BaseException as error:  # a pickle may raise anything
        said = {"serves": False, "refused": f"{type(error).__name__}: {first_line(error)}"}
    print(json.dumps({**said, "begun": begun}))
    return 0 if said["serves"] else 1


if __name__ == "__main__":
    sys.exit(main())
