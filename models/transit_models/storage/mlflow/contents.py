"""What makes a version of the files that `log_model` wrote: where they lie, metadata, checksums.

Such files have neither `metadata.json` nor `checksum.sha256`. Both are made here, from the files,
the model's name and its number alone, in one way that never changes: the SHA-256 over the checksums
is the version's digest, which revisions are pinned to. So the metadata say hardly anything, and
leave to the model what it takes and answers (`undescribed`). Pure but for the reading. Neighbours:
`storage` asks; the format `mlflow` of the server loads what comes of it.
"""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from transit_models.counting import counted
from transit_models.errors import IntegrityError, InvalidMetadata
from transit_models.integrity import CHECKSUMS, check_relative
from transit_models.metadata import METADATA, MODEL_ENDINGS, parse_metadata
from transit_models.storage.objects.pieces import PARALLEL
from transit_models.storage.objects.source import Source

MLMODEL = "MLmodel"
FOLDER = f"model{MODEL_ENDINGS['mlflow'][0]}".removesuffix(MLMODEL)  # as `pack` has it
OURS = "transit"  # the key of MLmodel's metadata under which is what a file can't know

_MOST_BYTES = 4 * 1024 * 1024
_SAYS = ("task", "labels", "bins")


@dataclass(frozen=True)
class Contents:
    """The checksums of a version, as `checksum.sha256` has them, and the same by name."""

    checksums: bytes
    hashed: Mapping[str, str]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.checksums).hexdigest()


def read_contents(
    place: Source, sizes: Mapping[str, int], name: str, version: str, into: Path | None = None
) -> Contents:
    """Read each file of `place` once and hash it; with `into` all of the version is there then.

    `sizes` are those of the files that there are. Raises `IntegrityError`, `InvalidMetadata`,
    `StorageUnavailable`, and `OSError` of `into`.
    """
    if MLMODEL not in sizes:
        raise IntegrityError(
            MLMODEL, "a file of the registered version", "none", "Register what log_model has made."
        )
    mlmodel = place.read(MLMODEL, _MOST_BYTES + 1)
    if mlmodel is None or len(mlmodel) > _MOST_BYTES:
        raise IntegrityError(MLMODEL, f"a file of at most {_MOST_BYTES} bytes", "another one")
    made = {FOLDER + MLMODEL: mlmodel, METADATA: metadata_of(name, version, mlmodel)}

    def read(file: str) -> tuple[str, str]:
        check_relative(file)
        return FOLDER + file, _hashed(place, file, sizes[file], into and into / FOLDER / file)

    pool = ThreadPoolExecutor(PARALLEL)
    try:
        others = sorted(sizes.keys() - {MLMODEL}, key=lambda file: -sizes[file])
        hashed = dict(pool.map(read, others))
    finally:
        pool.shutdown(cancel_futures=True)  # one failure is enough
    hashed |= {file: hashlib.sha256(body).hexdigest() for file, body in made.items()}
    lines = [f"{sha}  {file}\n" for file, sha in sorted(hashed.items())]
    found = Contents("".join(lines).encode(), hashed)
    if into is not None:
        for file, body in (*made.items(), (CHECKSUMS, found.checksums)):
            (into / file).parent.mkdir(parents=True, exist_ok=True)
            (into / file).write_bytes(body)
    return found


def _hashed(place: Source, file: str, size: int, into: Path | None) -> str:
    sha256, count = hashlib.sha256(), 0
    if into is not None:
        into.parent.mkdir(parents=True, exist_ok=True)
    with into.open("wb") if into is not None else nullcontext() as written:
        for chunk in place.chunks(file, 0, size):
            sha256.update(chunk)
            count += len(chunk)
            if written is not None:
                written.write(chunk)
    if count != size:
        raise IntegrityError(file, f"{counted(size, 'byte')}, as listed", counted(count, "byte"))
    return sha256.hexdigest()


def metadata_of(name: str, version: str, mlmodel: bytes) -> bytes:
    """`metadata.json` of a version. What it writes for the same file never changes.

    Raises `InvalidMetadata`.
    """
    said = _ours(mlmodel)
    labels = [str(label) for label in said.get("labels") or []]
    document = {
        "model_name": name,
        "version": version,
        "framework": "mlflow",
        "undescribed": True,
        **({"task": said["task"]} if said.get("task") else {}),
        "output_schema": {
            "classes": len(labels),
            "labels": labels,
            "bins": list(said.get("bins") or []),
        },
        "checksum": {"algorithm": "sha256", "value": hashlib.sha256(mlmodel).hexdigest()},
    }
    parse_metadata(document, f"{MLMODEL} of {name} {version}")
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _ours(mlmodel: bytes) -> Mapping[str, Any]:
    """What `log_model(…, metadata={"transit": {…}})` says."""
    try:
        said = yaml.safe_load(mlmodel.decode())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMetadata(f"{MLMODEL} is no YAML: {type(error).__name__}") from error
    for key in ("metadata", OURS):
        if not isinstance(said, dict):
            raise InvalidMetadata(f"{MLMODEL} is not as MLflow writes it: {key} is in no mapping")
        said = said.get(key) or {}
    if not isinstance(said, dict):
        raise InvalidMetadata(f"{MLMODEL}: metadata.{OURS} is no mapping")
    unknown = ", ".join(str(key) for key in said if key not in _SAYS)
    if unknown or not all(isinstance(said.get(key) or [], list) for key in ("labels", "bins")):
        raise InvalidMetadata(
            f"{MLMODEL}: metadata.{OURS} may say {', '.join(_SAYS)}, of which labels and bins are "
            f"lists{f', and not {unknown}' if unknown else ''}"[:300]
        )
    return said
