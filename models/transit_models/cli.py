"""The command `transit-models`: train, pack, publish, verify and look at models.

Neighbours: thin over `storage`, `pack` and `examples.training`. Answers go to stdout, progress and
problems to stderr. Exit codes: 0 done, 1 the store or a model is not as it should be, 2 usage.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from transit_models import answers, desk
from transit_models.draft import drafted
from transit_models.errors import InvalidMetadata, InvalidReference, ModelStoreError
from transit_models.metadata import MODEL_ENDINGS
from transit_models.pack import Description, framework_of, pack
from transit_models.schema import Task
from transit_models.storage import Storage, fetch_verified, open_storage, split_reference
from transit_models.versions import ALIASES

_EPILOG = """\
A store is a directory (file:///path, or a plain path) or a bucket (s3://bucket/prefix):

    STORE/NAME/v1.1.0/   model.<ext>, metadata.json, checksum.sha256, preprocessing.pkl, ...
    STORE/NAME/latest    an alias, holds v1.1.0; the other one is stable

S3 takes its credentials from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and for MinIO and others
the address from AWS_ENDPOINT_URL (http://minio.minio.svc:9000).

A model of your own, from a file to a server:

    transit-models pack forest.pkl build/models churn@1.0.0 --labels no,yes --probe rows.npy
    transit-models try build/models churn@1.0.0
    transit-models publish build/models s3://models
    transit-models alias s3://models churn stable 1.0.0
    transit-models list s3://models

The examples (good versions, and bad ones for trying out rollbacks):

    transit-models train build/models
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except ModelStoreError as error:
        print(f"transit-models {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="transit-models",
        description="Publish models for Transit, and look at what is published.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, help=text, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        added.set_defaults(run=run)
        return added

    train = command("train", _train, "Train the example models into a local store.")
    train.add_argument("store", type=Path, help="a directory, made if missing")
    train.add_argument("only", nargs="*", help="NAME or NAME@VERSION; default: all examples")
    train.add_argument("--force", action="store_true", help="also what is trained already")

    own = command("pack", _pack, "Put a model file of your own into a local store.")
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
    own.add_argument("--training", type=Path, help="JSON, kept in the metadata")
    own.add_argument("--metrics", type=Path, help="JSON, kept as performance_metrics.json")
    own.add_argument(
        "--twin",
        action="store_true",
        help="add a checked ONNX twin of a Keras model, so that serving needs no TensorFlow; "
        "needs --probe, and loads the model and its preprocessing",
    )
    own.add_argument("--accuracy", type=float, help="kept in the metadata")
    own.add_argument("--replace", action="store_true", help="overwrite the version")

    answer = command("answers", _answers, "Write what the model's own library says to probe rows.")
    answers.add_arguments(answer)

    trial = command("try", _try, "Load a version as the server would, and say what comes of it.")
    trial.add_argument("store")
    trial.add_argument("reference", metavar="NAME@VERSION")
    trial.add_argument("--output", choices=["text", "json"], default="text")

    publish = command("publish", _publish, "Copy versions, and where aliases point, to a store.")
    publish.add_argument("source", help="the store to copy from")
    publish.add_argument("destination", help="the store to copy to")
    publish.add_argument("only", nargs="*", help="NAME or NAME@VERSION; default: everything")
    publish.add_argument(
        "--replace", action="store_true", help="overwrite versions that differ; nothing may serve"
    )
    publish.add_argument("--create-bucket", action="store_true", help="make the bucket if missing")

    verify = command("verify", _verify, "Hold every file against its checksum; load nothing.")
    verify.add_argument("store")
    verify.add_argument("only", nargs="?", metavar="NAME[@VERSION]", help="default: everything")

    listing = command("list", _list, "Show the models, their versions and aliases.")
    listing.add_argument("store")
    listing.add_argument("--json", action="store_true", help="for programs")

    resolve = command("resolve", _resolve, "Print which versions aliases mean, as a JSON list.")
    resolve.add_argument("store")
    resolve.add_argument("references", nargs="+", metavar="NAME@ALIAS")
    resolve.add_argument("--output", type=Path, metavar="FILE", help="write it there instead")

    alias = command("alias", _alias, "Point an alias at a version. Running pods do not change.")
    alias.add_argument("store")
    alias.add_argument("name")
    alias.add_argument("alias", choices=ALIASES)
    alias.add_argument("version")
    return parser


def _train(options: argparse.Namespace) -> int:
    from transit_models.examples.training import train_examples

    start = time.monotonic()
    trained = train_examples(options.store, options.only, force=options.force, progress=_tell)
    _tell(f"{len(trained)} trained in {time.monotonic() - start:.0f} s: {options.store}")
    return 0


def _pack(options: argparse.Namespace) -> int:
    name, version = split_reference(options.reference)
    if version is None:
        raise InvalidReference(f"{name!r}: which version is it? Write {name}@1.0.0")
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
    directory = pack(
        options.model,
        options.store,
        done.described,
        options.preprocessing,
        options.probe,
        answers=options.answers,
        metrics=options.metrics,
        replace=options.replace,
        twin=options.twin,
    )
    for note in done.notes:
        _tell(note)
    if options.probe is None:
        _tell("there are no probe rows: --probe makes every check at the start one on real rows")
    print(directory)
    return 0


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


def _answers(options: argparse.Namespace) -> int:
    return answers.run(options)


def _try(options: argparse.Namespace) -> int:
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
    yield f"  loaded in {said['load_seconds']} s; one row, {figures['samples']} times:"
    yield "  mean      p50       p95       p99       rows/s"
    numbers = [figures[name] for name in ("mean_ms", "p50_ms", "p95_ms", "p99_ms")]
    yield (
        "  " + "".join(f"{number:.3f} ms".ljust(10) for number in numbers) + f"{figures['rps']:.0f}"
    )


def _publish(options: argparse.Namespace) -> int:
    source, destination = open_storage(options.source), open_storage(options.destination)
    if options.create_bucket:
        make = getattr(destination, "create_bucket", None)
        if make is None:
            raise InvalidReference(f"--create-bucket: {destination.uri} is no bucket")
        make()
    wanted = list(_selected(source, options.only))
    copied = 0
    with tempfile.TemporaryDirectory(prefix="transit-publish-") as scratch:
        for number, (name, version) in enumerate(wanted, start=1):
            start = time.monotonic()
            directory = source.fetch(name, version, Path(scratch))
            new = destination.publish(directory, name, version, replace=options.replace)
            copied += new
            did = f"published, {time.monotonic() - start:.1f} s" if new else "there already"
            _tell(f"[{number}/{len(wanted)}] {name} {version}: {did}")
    for name in sorted({name for name, _ in wanted}):
        there = destination.versions(name)
        for alias, version in source.aliases(name).items():
            if version in there:
                destination.set_alias(name, alias, version)
                _tell(f"{name}: {alias} is {version}")
    _tell(f"{copied} of {len(wanted)} versions were new in {destination.uri}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    storage = open_storage(options.store)
    wanted = list(_selected(storage, [options.only] if options.only else []))
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="transit-verify-") as scratch:
        for name, version in wanted:
            try:
                verified = fetch_verified(storage, name, version, Path(scratch))
            except ModelStoreError as error:
                wrong += 1
                print(f"{name} {version}: {type(error).__name__}: {error}")
            else:
                print(f"{name} {version}: intact, {verified.metadata.checksum.value[:12]}")
    if wrong:
        _tell(f"{wrong} of {len(wanted)} versions must not be served")
    return 1 if wrong else 0


def _list(options: argparse.Namespace) -> int:
    storage = open_storage(options.store)
    models = {name: (storage.versions(name), storage.aliases(name)) for name in storage.names()}
    if options.json:
        shown = {name: {"versions": v, "aliases": a} for name, (v, a) in models.items()}
        print(json.dumps(shown, indent=2))
        return 0
    if not models:
        _tell(f"{storage.uri} holds no models; transit-models --help tells how to publish one")
    for name, (versions, aliases) in models.items():
        for version in versions:
            marks = [alias for alias, at in aliases.items() if at == version]
            print(f"{name}@{version}" + (f"  <- {', '.join(marks)}" if marks else ""))
    return 0


def _resolve(options: argparse.Namespace) -> int:
    storage = open_storage(options.store)
    found = []
    for reference in options.references:
        name, alias = split_reference(reference)
        if alias is None:
            raise InvalidReference(f"{name!r}: which version? Write {name}@latest or {name}@1.1.0")
        found.append({"name": name, "version": storage.resolve(name, alias)})
    text = json.dumps(found)
    if options.output is None:
        print(text)
    else:
        options.output.write_text(text)
    return 0


def _alias(options: argparse.Namespace) -> int:
    storage = open_storage(options.store)
    storage.set_alias(options.name, options.alias, options.version)
    _tell(f"{options.name}: {options.alias} is {options.version}")
    return 0


def _selected(storage: Storage, references: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(name, plain version) of all that `references` mean; of everything when there are none."""
    for reference in references or storage.names():
        name, version = split_reference(reference)
        if version is not None:
            yield name, storage.resolve(name, version)
        else:
            for known in storage.versions(name):
                yield name, known


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


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
