"""`transit-models publish`, `discard` and `scratch`: what changes which versions a store has.

Neighbours: `storage.publishing` has the rules.
"""

import argparse
import tempfile
import time
from pathlib import Path

from transit_models.commands.common import Add, named, selected, tell
from transit_models.counting import counted
from transit_models.errors import StorageUnavailable, VersionConflict
from transit_models.storage import open_storage


def add(command: Add) -> None:
    """Add them."""
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


def _publish(options: argparse.Namespace) -> int:
    source, destination = open_storage(options.source), open_storage(options.destination)
    if options.create_bucket:
        from transit_models.storage.objects.making import create_bucket

        create_bucket(destination)
    wanted = list(selected(source, options.only))
    copied = 0
    for number, (name, version) in enumerate(wanted, start=1):
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="transit-publish-") as scratch:
            directory = source.fetch(name, version, Path(scratch)).directory
            new = destination.publish(directory, name, version, replace=options.replace)
        copied += new
        did = f"published, {time.monotonic() - start:.1f} s" if new else "there already"
        tell(f"[{number}/{len(wanted)}] {name} {version}: {did}")
    for name in sorted({name for name, _ in wanted}):
        there = destination.versions(name)
        for alias, version in source.aliases(name).items():
            if version in there:
                destination.set_alias(name, alias, version)
                tell(f"{name}: {alias} is {version}")
    tell(f"new in {destination.uri}: {copied} of {counted(len(wanted), 'version')}")
    return 0


def _discard(options: argparse.Namespace) -> int:
    name, version = named(options.reference)
    open_storage(options.store).discard(name, version)
    tell(f"{options.reference} can be published")
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
    tell(f"{storage.uri} is a scratch store")
    return 0
