"""Checksums: is every byte of a version what its publisher wrote?

Neighbours: `storage` brings the directory, this module verifies it, and only then may anybody
deserialise what is in it (a pickle runs code). `checksum.sha256` has the format of `sha256sum`, so
that `sha256sum -c checksum.sha256` says the same. It proves that files are whole and unmixed; it
does not prove who wrote them: whoever may write to the store may also write the checksums. That
is what `signing` is for.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from transit_models.errors import IntegrityError, InvalidMetadata
from transit_models.metadata import METADATA, ModelMetadata, find_model_file, read_metadata
from transit_models.versions import plain

CHECKSUMS = "checksum.sha256"
SIGNATURES = "checksum.sha256.sig"
PREPROCESSING = "preprocessing.pkl"
METRICS = "performance_metrics.json"
PROBE = "probe.npy"
ANSWERS = "answers.npy"
UNPUBLISHED = (
    "Publishing has not finished, or files were copied by hand: use transit-models publish."
)

_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")
_MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class VerifiedVersion:
    """A version whose every file matched its checksum.

    `model_file` is always there; what the version does not have is None. `answers` is what the
    author's library said to the rows of `probe`. `digest` stands for all of its content; empty
    of a draft that has no checksums yet. `signed_by` names the key, where signatures are asked for.
    """

    directory: Path
    metadata: ModelMetadata
    model_file: Path
    preprocessing: Path | None
    probe: Path | None
    answers: Path | None = None
    digest: str = ""
    signed_by: str = ""

    @property
    def steps(self) -> tuple[Path, ...]:
        """All preprocessing, in order: `preprocessing.pkl`, `preprocessing-2.pkl`, and so on."""
        return () if self.preprocessing is None else (self.preprocessing, *_more(self.directory))


def sha256_of(path: Path) -> str:
    """The SHA-256 of the file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(directory: Path) -> str:
    """The SHA-256 over `checksum.sha256`, in hex: two versions with the same one are the same.

    It says what the files are, once they are verified. Raises `IntegrityError` without the file.
    """
    path = directory / CHECKSUMS
    if path.is_symlink() or not path.is_file():
        raise IntegrityError(CHECKSUMS, "a file that lists every other", "nothing", UNPUBLISHED)
    return sha256_of(path)


def check_relative(name: str) -> str:
    """`name`, if it is a plain relative path that stays inside its directory.

    Raises `IntegrityError` for absolute paths, `..`, empty or odd parts, backslashes, control
    characters, and what is no UTF-8.
    """
    bad = (
        any(ord(char) < 32 or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in name)
        or "\\" in name
        # by the text: as a path, "." has no parts
        or any(part in {"", ".", ".."} for part in name.split("/"))
    )
    if bad:
        raise IntegrityError(
            repr(name), "a plain file name inside the version", "one that is not", "Refused."
        )
    return name


def write_checksums(directory: Path) -> Path:
    """Write `checksum.sha256` over every other file of `directory`; returns it.

    Raises `IntegrityError` for symbolic links and for names that a checksum file cannot hold
    safely.
    """
    lines = [f"{sha256_of(directory / name)}  {name}\n" for name in sorted(_files(directory))]
    path = directory / CHECKSUMS
    path.write_text("".join(lines), encoding="utf-8")
    return path


def read_checksums(directory: Path) -> dict[str, str]:
    """File name → SHA-256 in lower-case hex, from `checksum.sha256`.

    Raises `IntegrityError` when the file is missing, or a line is malformed, repeated or leads
    outside.
    """
    path = directory / CHECKSUMS
    if path.is_symlink() or not path.is_file():
        raise IntegrityError(CHECKSUMS, "a file that lists every other", "nothing", UNPUBLISHED)
    if path.stat().st_size > _MAX_BYTES:
        raise IntegrityError(CHECKSUMS, f"at most {_MAX_BYTES} bytes", "more")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise IntegrityError(CHECKSUMS, "UTF-8 text", str(error)) from None
    listed: dict[str, str] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is None:
            raise IntegrityError(
                f"{CHECKSUMS} line {number}", "'<sha256>  <file>'", repr(line[:100])
            )
        name = check_relative(match[2])
        if name in listed:
            raise IntegrityError(name, "one line in " + CHECKSUMS, "two")
        listed[name] = match[1].lower()
    return listed


def verify_checksums(directory: Path, hashed: Mapping[str, str] | None = None) -> dict[str, str]:
    """Hold every file of `directory` against `checksum.sha256`; returns name → SHA-256.

    Of those in `hashed` the SHA-256 is known: nobody else writes to the directory. Raises
    `IntegrityError` for the first file that is changed, missing or not listed.
    """
    listed = read_checksums(directory)
    present = _files(directory)
    for name in sorted(present - listed.keys()):
        raise IntegrityError(
            name, f"a line in {CHECKSUMS}", "none", "Somebody added the file after publishing."
        )
    for name, expected in sorted(listed.items()):
        if name not in present:
            raise IntegrityError(name, expected, "no such file", "Publish the version again.")
        found = (hashed or {}).get(name) or sha256_of(directory / name)
        if found != expected:
            raise IntegrityError(
                name, expected, found, "The file was changed or cut off: publish the version again."
            )
    return listed


def verify_version(
    directory: Path,
    name: str | None = None,
    version: str | None = None,
    hashed: Mapping[str, str] | None = None,
) -> VerifiedVersion:
    """Verify all of a version directory; nothing in it is deserialised but its JSON metadata.

    `name` and `version` are what the caller asked for: metadata that says otherwise is refused, so
    that a directory copied to the wrong place is not served under a wrong name. `hashed` is as for
    `verify_checksums`.

    Raises `IntegrityError` (a file is not what it should be) or `InvalidMetadata`.
    """
    listed = verify_checksums(directory, hashed)
    metadata = read_metadata(directory)
    if name is not None and metadata.model_name != name:
        raise InvalidMetadata(
            f"{directory / METADATA}: model_name is {metadata.model_name!r}, "
            f"but it is stored as {name!r}"
        )
    if version is not None and metadata.version != plain(version):
        raise InvalidMetadata(
            f"{directory / METADATA}: version is {metadata.version!r}, "
            f"but it is stored as {plain(version)!r}"
        )
    found = version_in(directory, metadata)
    known = listed[found.model_file.relative_to(directory).as_posix()]
    if known != metadata.checksum.value:
        raise IntegrityError(
            found.model_file.name,
            f"{metadata.checksum.value} ({METADATA})",
            known,
            "The model and its metadata are of different versions.",
        )
    return replace(found, digest=digest_of(directory))


def version_in(directory: Path, metadata: ModelMetadata | None = None) -> VerifiedVersion:
    """The version in `directory`, which somebody has verified already. Raises `InvalidMetadata`."""
    metadata = read_metadata(directory) if metadata is None else metadata
    return VerifiedVersion(
        directory=directory,
        metadata=metadata,
        model_file=find_model_file(directory, metadata.framework),
        preprocessing=_optional(directory / PREPROCESSING),
        probe=_optional(directory / PROBE),
        answers=_optional(directory / ANSWERS),
    )


def step_name(number: int) -> str:
    """The file of the preprocessing step `number`, counted from 1."""
    return PREPROCESSING if number == 1 else f"preprocessing-{number}.pkl"


def _more(directory: Path) -> tuple[Path, ...]:
    found: list[Path] = []
    while (path := directory / step_name(len(found) + 2)).is_file():
        found.append(path)
    return tuple(found)


def _optional(path: Path) -> Path | None:
    return path if path.is_file() else None


def _files(directory: Path) -> set[str]:
    """Relative names of all files under `directory`, without the checksum file itself and what is
    over it.
    """
    if not directory.is_dir():
        raise IntegrityError(str(directory), "a version directory", "nothing")
    names: set[str] = set()
    for path in directory.rglob("*"):
        name = check_relative(path.relative_to(directory).as_posix())
        if path.is_symlink():
            raise IntegrityError(
                name, "a regular file", "a symbolic link", "It could point anywhere: copy the file."
            )
        if path.is_dir() or name in (CHECKSUMS, SIGNATURES):
            continue
        if not path.is_file():
            raise IntegrityError(name, "a regular file", "something else")
        names.add(name)
    return names
