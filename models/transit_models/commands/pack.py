"""`transit-models pack`: a model file and what its user says of it, as a version in a local store.

Neighbours: `packing.draft` completes what is said by what the file knows, `packing.pack` lays the
version out.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, get_args

from transit_models.commands.common import Add, named, tell
from transit_models.errors import InvalidMetadata, InvalidReference
from transit_models.integrity import ANSWERS
from transit_models.metadata import MODEL_ENDINGS
from transit_models.packing import answers
from transit_models.packing.draft import drafted
from transit_models.packing.model_file import framework_of
from transit_models.packing.pack import Description, pack
from transit_models.schema import Task


def add(command: Add) -> None:
    """Add it."""
    own = command("pack", _run, "Put a model file of your own into a local store.")
    own.add_argument("model", type=Path, help="model file; its ending tells the framework")
    own.add_argument("store", type=Path, help="a directory, made if missing")
    own.add_argument("reference", metavar="NAME@VERSION", help="such as churn@1.0.0")
    own.add_argument("--features", type=int, default=0, help="values in one request")
    own.add_argument("--labels", default="", help="class names in the order of the outputs: a,b,c")
    own.add_argument("--framework", choices=sorted(MODEL_ENDINGS), help="default: by the ending")
    own.add_argument("--framework-version", default="", help="what the model was trained with")
    own.add_argument(
        "--bins",
        default="",
        help="of a regression: rising bounds such as 0,10,100; drift compares the ranges between",
    )
    own.add_argument("--task", choices=get_args(Task), help="default: what the model is made for")
    own.add_argument("--dtype", default="", help="of the numbers, such as float64")
    own.add_argument("--names", default="", help="of the features, in order: age,income")
    own.add_argument("--missing", action="store_true", help="null is a value that is missing")
    own.add_argument(
        "--model-classes", default="", help="the model's class for each label, as JSON: [1, 2]"
    )
    own.add_argument("--shape", default="", help="a batch of one, such as 1,784,1")
    own.add_argument(
        "--preprocessing",
        type=Path,
        action="append",
        default=[],
        help="joblib pickle with transform(X); may be given several times, in order",
    )
    own.add_argument("--probe", type=Path, help="typical rows (.npy), to warm the model up with")
    own.add_argument(
        "--answers", type=Path, help="what the author's library said to the probe rows (.npy)"
    )
    own.add_argument(
        "--golden",
        type=_count,
        metavar="N",
        help="ask the model's own library, here and now, for the answers to the first N probe rows",
    )
    own.add_argument("--training", type=Path, help="JSON, kept in the metadata")
    own.add_argument("--metrics", type=Path, help="JSON, kept as performance_metrics.json")
    own.add_argument(
        "--twin",
        action="store_true",
        help="add a checked ONNX twin of a Keras model, so that serving needs no TensorFlow; "
        "needs --probe, and loads the model and its preprocessing",
    )
    own.add_argument("--accuracy", type=float, help="kept in the metadata")
    own.add_argument(
        "--replace", action="store_true", help="replace the version, in a scratch store"
    )


def _run(options: argparse.Namespace) -> int:
    name, version = named(options.reference, ("1.0.0",))
    labels = [label.strip() for label in options.labels.split(",") if label.strip()]
    names = [name.strip() for name in options.names.split(",") if name.strip()]
    performance = _json_file(options.metrics)
    if options.accuracy is not None:
        performance["accuracy"] = options.accuracy
    described = Description(
        name=name,
        version=version,
        framework=options.framework or framework_of(options.model),
        framework_version=options.framework_version,
        features=options.features or len(names),
        labels=labels,
        bins=_bins(options.bins),
        task=options.task or ("classification" if labels else "regression"),
        shape=_shape(options.shape),
        dtype=options.dtype,
        names=names,
        missing=options.missing,
        model_classes=json.loads(options.model_classes) if options.model_classes else (),
        training=_json_file(options.training),
        performance=performance,
    )
    for path in (options.model, *options.preprocessing):
        if not path.exists():
            raise InvalidMetadata(f"{path} is no file")
    done = drafted(described, options.model, options.preprocessing, task_said=bool(options.task))
    made = not options.store.exists()
    with tempfile.TemporaryDirectory(prefix="transit-golden-") as scratch:
        directory = pack(
            options.model,
            options.store,
            done.described,
            options.preprocessing,
            options.probe,
            answers=_golden(options, Path(scratch)) or options.answers,
            metrics=options.metrics,
            replace=options.replace,
            twin=options.twin,
        )
    for note in done.notes:
        tell(note)
    if made:
        tell(f"{options.store} is new, and a scratch store: its versions may be replaced")
    if options.probe is None:
        tell("there are no probe rows: --probe makes every check at the start one on real rows")
    print(directory)
    return 0


def _golden(options: argparse.Namespace, scratch: Path) -> Path | None:
    """What the model's own library says to the first probe rows, in a process of its own: its
    pickles run code.
    """
    if options.golden is None:
        return None
    if options.probe is None or options.answers is not None:
        raise InvalidReference("--golden needs --probe, and makes what --answers would bring")
    output = scratch / ANSWERS
    command = [sys.executable, answers.__file__, options.model, options.probe, "--output", output]
    command += ["--first", options.golden]
    for step in options.preprocessing:
        command += ["--preprocessing", step]
    done = subprocess.run(  # noqa: S603 - ourselves
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InvalidMetadata(
            f"--golden: the model's own library gives no answers here: {last}. Run "
            "transit-models answers where it was trained, and pack with --answers"
        )
    return output


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rows")
    return int(text)


def _json_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        said = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidMetadata(f"{path} can't be read as JSON: {error}") from None
    if not isinstance(said, dict):
        raise InvalidMetadata(f"{path} holds no JSON object")
    return said


def _bins(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise InvalidReference(f"--bins {text!r}: write rising numbers, such as 0,10,100") from None


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise InvalidReference(f"--shape {text!r}: write whole numbers, such as 1,784,1") from None
