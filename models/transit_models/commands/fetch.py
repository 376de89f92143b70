"""`transit-models fetch`: bring versions to this machine, also through a cache that pods share.

Neighbours: an init container of the operator runs it (`core.objects.node_cache`); `storage` does
it.
"""

import argparse
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from transit_models.commands.common import Add, named, public_keys, tell
from transit_models.errors import InvalidReference
from transit_models.signing import Keys
from transit_models.storage import Storage, fetch_verified, open_storage
from transit_models.storage.node_cache.cache import NodeCache
from transit_models.storage.node_cache.fetching import Asked, fetch_through
from transit_models.storage.node_cache.report import Told, write_report
from transit_models.versions import plain

_AT_ONCE = 4
_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def add(command: Add) -> None:
    """Add them."""
    fetch = command("fetch", _fetch, "Bring versions to a directory, every byte verified.")
    fetch.add_argument("store")
    fetch.add_argument(
        "references", nargs="+", metavar="NAME@VERSION[=DIGEST]", help="DIGEST: of its content"
    )
    fetch.add_argument("--into", type=Path, required=True, metavar="DIR", help="to DIR/NAME/vX.Y.Z")
    fetch.add_argument(
        "--node-cache",
        type=Path,
        metavar="DIR",
        help="take them from here, and keep here what isn't yet; nothing in it is believed",
    )
    fetch.add_argument(
        "--size",
        type=_size,
        default=_size("50Gi"),
        metavar="SIZE",
        help="what the cache may have, such as 50Gi (the default)",
    )
    fetch.add_argument(
        "--signed-by",
        type=public_keys,
        metavar="KEYS",
        help="one of these must have signed them: names and public keys (PEM), as a JSON object",
    )


def _fetch(options: argparse.Namespace) -> int:
    storage = open_storage(options.store)
    keys = Keys(options.signed_by) if options.signed_by is not None else None
    cache = NodeCache(options.node_cache, options.size) if options.node_cache is not None else None

    told: list[Told] = []

    def bring(reference: str) -> None:
        asked = _asked(storage, reference, options.into, keys)
        if cache is None:
            fetch_verified(
                *(storage, asked.name, asked.version, asked.into, asked.digest, keys), copy=True
            )
            tell(f"{asked.name} {asked.version}: fetched")
            return
        done = fetch_through(cache, storage, asked)
        how = {
            "hit": "taken from the node's cache",
            "miss": "fetched, and kept in the node's cache",
        }
        did = how.get(done.result, "fetched, and not kept in the node's cache")
        why = f" ({done.problem})" if done.problem else ""
        tell(f"{asked.name} {asked.version}: {did}, {done.seconds:.1f} s{why}")
        told.append(Told(asked.name, asked.version, done.result, done.seconds, done.problem))

    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        list(pool.map(bring, options.references))
    finally:
        pool.shutdown()  # one failure stops no other
        if told:
            write_report(options.into, told)
    return 0


def _asked(storage: Storage, reference: str, into: Path, keys: Keys | None) -> Asked:
    which, _, digest = reference.partition("=")
    name, version = named(which, ("latest", "1.1.0"))
    if not digest:
        version = storage.resolve(name, version)
        digest = storage.digest(name, version)
    elif len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise InvalidReference(f"{reference!r}: a digest is a SHA-256 in hex")
    return Asked(name, plain(version), digest, into, keys)


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+)(Ki|Mi|Gi|Ti)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 500Mi or 50Gi")
    return int(match[1]) * _UNITS[match[2]]
