"""The command `transit-models`: train, pack, publish, verify and look at models.

Neighbours: thin over `storage`, `pack` and `examples.training`. Answers go to stdout, progress and
problems to stderr. Exit codes: 0 done, 1 the store or a model is not as it should be, 2 usage,
3 the store doesn't answer or refuses us, 4 what it has must not be served.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from transit_models import answers, packing, tried
from transit_models.errors import (
    IntegrityError,
    InvalidReference,
    ModelStoreError,
    SignatureError,
    StorageUnavailable,
    VersionConflict,
)
from transit_models.signing import Keys, sign
from transit_models.storage import Storage, fetch_verified, open_storage, split_reference
from transit_models.versions import ALIASES

_EPILOG = """\
A store is a directory (file:///path, or a plain path) or a bucket (s3://bucket/prefix):

    STORE/NAME/v1.1.0/   model.<ext>, metadata.json, checksum.sha256, preprocessing.pkl, ...
    STORE/NAME/latest    an alias, holds v1.1.0; the other one is stable
    STORE/transit-store.json   of a scratch store, whose versions may be replaced

A published version never changes. A store that pack makes, or the command scratch, is a scratch
store, for trying things out: nothing should serve from it.

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
        return _exit_code(error)
    except KeyboardInterrupt:
        return 130


def _exit_code(error: ModelStoreError) -> int:
    """The operator tells them apart: see its `core.objects.resolver`."""
    if isinstance(error, StorageUnavailable):
        return 3
    return 4 if isinstance(error, IntegrityError | SignatureError) else 1


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

    own = command("pack", packing.run, "Put a model file of your own into a local store.")
    packing.add_arguments(own)

    answer = command(
        "answers", answers.run, "Write what the model's own library says to probe rows."
    )
    answers.add_arguments(answer)

    trial = command(
        "try", tried.run, "Load a version as the server would, and say what comes of it."
    )
    tried.add_arguments(trial)

    publish = command("publish", _publish, "Copy versions, and where aliases point, to a store.")
    publish.add_argument("source", help="the store to copy from")
    publish.add_argument("destination", help="the store to copy to")
    publish.add_argument("only", nargs="*", help="NAME or NAME@VERSION; default: everything")
    publish.add_argument(
        "--replace", action="store_true", help="replace versions that differ, in a scratch store"
    )
    publish.add_argument("--create-bucket", action="store_true", help="make the bucket if missing")

    discard = command("discard", _discard, "Remove what an interrupted publish has left.")
    discard.add_argument("store")
    discard.add_argument("reference", metavar="NAME@VERSION")

    scratch = command(
        "scratch", _scratch, "Make a store for trying things out, whose versions may be replaced."
    )
    scratch.add_argument("store", help="one that holds no model yet")

    verify = command("verify", _verify, "Hold every file against its checksum; load nothing.")
    verify.add_argument("store")
    verify.add_argument("only", nargs="?", metavar="NAME[@VERSION]", help="default: everything")

    listing = command("list", _list, "Show the models, their versions and aliases.")
    listing.add_argument("store")
    listing.add_argument("--json", action="store_true", help="for programs")

    resolve = command(
        "resolve", _resolve, "Print which versions are meant, and their digests, as a JSON list."
    )
    resolve.add_argument("store")
    resolve.add_argument("references", nargs="+", metavar="NAME@VERSION", help="or NAME@ALIAS")
    resolve.add_argument("--output", type=Path, metavar="FILE", help="write it there instead")
    resolve.add_argument(
        "--signed-by",
        type=_keys,
        metavar="KEYS",
        help="one of these must have signed it: names and public keys (PEM), as a JSON object",
    )

    sign = command("sign", _sign, "Sign the content of a version, so that servers may ask for it.")
    sign.add_argument("store")
    sign.add_argument("reference", metavar="NAME@VERSION")
    sign.add_argument(
        "--key", type=Path, required=True, metavar="FILE", help="private key, Ed25519 in PEM"
    )

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


def _discard(options: argparse.Namespace) -> int:
    name, version = split_reference(options.reference)
    if version is None:
        raise InvalidReference(f"{name!r}: which version? Write {name}@1.1.0")
    open_storage(options.store).discard(name, version)
    _tell(f"{options.reference} can be published")
    return 0


def _scratch(options: argparse.Namespace) -> int:
    storage = open_storage(options.store)
    try:
        held = storage.names()
    except StorageUnavailable:  # a directory is made now; a bucket says the same again
        held = []
    if held and not storage.scratch:
        raise VersionConflict(
            f"{storage.uri} holds {', '.join(held[:3])}: what is published there never changes, so "
            "make another store for trying things out"
        )
    storage.mark_scratch()
    _tell(f"{storage.uri} is a scratch store")
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
                print(f"{name} {version}: intact, digest {verified.digest}")
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
        name, asked = split_reference(reference)
        if asked is None:
            raise InvalidReference(f"{name!r}: which version? Write {name}@latest or {name}@1.1.0")
        version = storage.resolve(name, asked)
        digest = storage.digest(name, version)
        if options.signed_by is not None:
            _must_be_signed(storage, name, version, digest, Keys(options.signed_by))
        found.append({"name": name, "version": version, "digest": digest})
    # Without blanks: of 16 models with long names it just fits into a termination message (4 kB).
    text = json.dumps(found, separators=(",", ":"))
    if options.output is None:
        print(text)
    else:
        options.output.write_text(text)
    return 0


def _must_be_signed(storage: Storage, name: str, version: str, digest: str, keys: Keys) -> None:
    try:
        keys.signer(digest, storage.signatures(name, version))
    except SignatureError as error:
        raise SignatureError(f"{storage.uri}/{name}/v{version}: {error}") from None


def _keys(text: str) -> dict[str, str]:
    keys = json.loads(text)
    if not isinstance(keys, dict) or not all(isinstance(pem, str) for pem in keys.values()):
        raise ValueError("no JSON object of texts")
    return keys


def _sign(options: argparse.Namespace) -> int:
    storage = open_storage(options.store)
    name, asked = split_reference(options.reference)
    if asked is None:
        raise InvalidReference(f"{name!r}: which version? Write {name}@1.1.0")
    version = storage.resolve(name, asked)
    with tempfile.TemporaryDirectory(prefix="transit-sign-") as scratch:
        digest = fetch_verified(storage, name, version, Path(scratch)).digest
    signed = sign(digest, storage.signatures(name, version), options.key)
    storage.set_signatures(name, version, signed)
    _tell(f"{name} {version} is signed, with the digest {digest}")
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


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
