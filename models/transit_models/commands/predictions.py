"""The command `transit-models predictions`: what servers have logged, into the registry's database,
and old days out of both.

`load` needs the packages of transit[registry], as the commands of `registry` do; `prune` deletes
files, and is in the server's image.
"""

import argparse
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from gzip import BadGzipFile, GzipFile
from io import BytesIO
from typing import TYPE_CHECKING

from transit_models.commands.common import Add, tell
from transit_models.commands.registry import WHERE, connected_engine
from transit_models.counting import counted
from transit_models.errors import IntegrityError, ModelStoreError
from transit_models.storage.opening import open_objects

if TYPE_CHECKING:
    from transit_models.storage.objects.objects import Objects

_FILE = re.compile(r"(predictions|feedback)/day=(\d{4}-\d\d-\d\d)/[^/]+/[^/]+/[^/]+\.jsonl\.gz")
_KINDS = ("predictions", "feedback")
_LARGEST = 2**30
_LONGEST = 64 * 2**20  # of a line: a row may be a whole body


def add(command: Add) -> None:
    """Add the commands to the parser."""
    log = command("predictions", _load, "Keep the log of single predictions.")
    log.epilog = WHERE
    parts = log.add_subparsers(required=True, metavar="COMMAND")
    text = "Load new files into PostgreSQL, each once, and drop what is older than --keep days."
    loading = parts.add_parser("load", help=text, description=text)
    loading.set_defaults(run=_load)
    text = "Delete the files that are older than --keep days."
    pruning = parts.add_parser("prune", help=text, description=text)
    pruning.set_defaults(run=_prune)
    for part in (loading, pruning):
        part.add_argument("store", help="where the servers write: config.predictionLog.uri")
        part.add_argument(
            "--keep",
            metavar="DAYS",
            type=_days,
            default=30,
            help="days that are kept, beside today; default: %(default)s",
        )


def _load(options: argparse.Namespace) -> int:
    objects, since = open_objects(options.store), _first_day(options.keep)
    with connected_engine() as engine:
        from transit_registry import predictions
        from transit_registry.errors import MalformedFile

        predictions.require_postgresql(engine)
        known = predictions.loaded(engine, since)
        files = lines = 0
        wrong = []
        for name, kind, day in _files(objects):
            if day < since or name in known:
                continue
            file = predictions.LogFile(name, kind, day)
            try:
                lines += predictions.load(engine, file, _lines(objects, name))
                files += 1
            except (MalformedFile, IntegrityError) as error:
                wrong.append(name)
                tell(f"left out: {error}")
        dropped = predictions.drop_days(engine, since)
    tell(
        f"new: {counted(lines, 'line')} of {counted(files, 'file')};"
        f" dropped: {counted(len(dropped), 'table')} of a day"
    )
    if wrong:
        raise ModelStoreError(
            f"{counted(len(wrong), 'file')} can't be read as a log: delete what is none"
        )
    return 0


def _prune(options: argparse.Namespace) -> int:
    objects, since = open_objects(options.store), _first_day(options.keep)
    old = [name for name, _, day in _files(objects) if day < since]
    for name in old:
        objects.delete(name)
    tell(f"deleted from {objects.uri}: {counted(len(old), 'file')} of before {since}")
    return 0


def _files(objects: "Objects") -> Iterator[tuple[str, str, date]]:
    """The name, kind and day of each file; what has another name is somebody else's."""
    for kind in _KINDS:
        for name in sorted(objects.keys(f"{kind}/")):
            if match := _FILE.fullmatch(f"{kind}/{name}"):
                try:
                    yield match[0], kind, date.fromisoformat(match[2])
                except ValueError:
                    continue  # no day, so none of ours


def _lines(objects: "Objects", name: str) -> Iterator[bytes]:
    """The lines of a file, unpacked as they are read. Raises `IntegrityError`."""
    body = objects.read(name, _LARGEST)
    if body is None:
        raise _broken(name, "it was deleted meanwhile")
    try:
        with GzipFile(fileobj=BytesIO(body)) as lines:
            while line := lines.readline(_LONGEST):
                yield line
    except (BadGzipFile, EOFError, zlib.error) as error:
        raise _broken(name, str(error)) from error


def _broken(name: str, what: str) -> IntegrityError:
    return IntegrityError(name, "JSON lines packed by gzip", what, "Delete it.")


def _first_day(keep: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=keep)


def _days(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 36_500:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days, 1 to 36500")
    return int(text)
