"""`transit-models list` and `verify`: what is in a store, and whether it is intact.

Neighbours: `storage.fetch_verified` verifies; `registry` has what `list --registry` shows.
"""

import argparse
import json
import tempfile
from pathlib import Path

from transit_models.commands import registry
from transit_models.commands.common import Add, selected, tell
from transit_models.counting import counted
from transit_models.errors import InvalidReference, ModelStoreError
from transit_models.storage import Storage, fetch_verified, open_storage


def add(command: Add) -> None:
    """Add them."""
    verify = command("verify", _verify, "Hold every file against its checksum; load nothing.")
    verify.add_argument("store")
    verify.add_argument("only", nargs="?", metavar="NAME[@VERSION]", help="default: everything")

    listing = command("list", _list, "Show the models, their versions and aliases.")
    which = listing.add_mutually_exclusive_group(required=True)
    which.add_argument("store", nargs="?")
    which.add_argument("--registry", action="store_true", help="what the registry has")
    listing.add_argument("--json", action="store_true", help="for programs")


def _verify(options: argparse.Namespace) -> int:
    storage = open_storage(options.store)
    wanted = list(selected(storage, [options.only] if options.only else []))
    wrong = 0
    for name, version in wanted:
        try:
            with tempfile.TemporaryDirectory(prefix="transit-verify-") as scratch:
                verified = fetch_verified(storage, name, version, Path(scratch))
        except ModelStoreError as error:
            wrong += 1
            print(f"{name} {version}: {type(error).__name__}: {error}")
        else:
            print(f"{name} {version}: intact, digest {verified.digest}")
    if wrong:
        tell(f"not to be served: {wrong} of {counted(len(wanted), 'version')}")
    return 1 if wrong else 0


def _list(options: argparse.Namespace) -> int:
    if options.registry:
        return registry.list_registered(options)
    storage = open_storage(options.store)
    models, wrong = _models(storage)
    if options.json:
        shown = {name: {"versions": v, "aliases": a} for name, (v, a) in models.items()}
        print(json.dumps(shown, indent=2))
        return wrong
    if not models:
        tell(f"{storage.uri} holds no models; transit-models --help tells how to publish one")
    for name, (versions, aliases) in models.items():
        for version in versions:
            marks = [alias for alias, at in aliases.items() if at == version]
            print(f"{name}@{version}" + (f"  <- {', '.join(marks)}" if marks else ""))
    return wrong


def _models(storage: Storage) -> tuple[dict[str, tuple[list[str], dict[str, str]]], int]:
    """The versions and aliases of each model; and 1 if an alias is wrong, which is told."""
    found, wrong = {}, 0
    for name in storage.names():
        versions, aliases = storage.versions(name), {}
        try:
            aliases = storage.aliases(name)
        except InvalidReference as error:
            wrong = 1
            tell(str(error))
        for alias, at in aliases.items():
            if at not in versions:
                wrong = 1
                tell(f"{name}: {alias} is {at}, of which there is nothing: set it again")
        found[name] = (versions, aliases)
    return found, wrong
