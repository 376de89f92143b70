"""Making a version out of a model: metadata and checksums around the files somebody trained.

Neighbours: the command line's `pack` for people's own models; `examples.training` seals what it
trained. Nothing is deserialised here: a model is only copied and hashed, unless `pack` is asked for
an ONNX twin.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from transit_models.errors import InvalidMetadata, InvalidReference
from transit_models.integrity import PREPROCESSING, PROBE, sha256_of, write_checksums
from transit_models.metadata import (
    MODEL_ENDINGS,
    Framework,
    ModelMetadata,
    find_model_file,
    parse_metadata,
    write_metadata,
)
from transit_models.schema import Task
from transit_models.storage_local import LocalStorage
from transit_models.twin import write_twin
from transit_models.versions import check_name, plain

_FRAMEWORKS: dict[str, Framework] = {
    ending: framework
    for framework, endings in MODEL_ENDINGS.items()
    for ending in endings
    if ending != ".onnx" or framework == "onnx"
}


@dataclass(frozen=True)
class Description:
    """What a publisher says of a model. `shape` is a batch of one, () for (1, features)."""

    name: str
    version: str
    framework: Framework
    features: int
    labels: Sequence[str] = ()
    bins: Sequence[float] = ()
    task: Task = "classification"
    shape: Sequence[int] = ()
    dtype: str = "float32"
    framework_version: str = ""
    training: Mapping[str, Any] = field(default_factory=dict)
    performance: Mapping[str, Any] = field(default_factory=dict)
    dependencies: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


def framework_of(model_file: Path) -> Framework:
    """The framework that writes files with this ending. Raises `InvalidReference` for others."""
    try:
        return _FRAMEWORKS[model_file.suffix]
    except KeyError:
        raise InvalidReference(
            f"{model_file}: no framework has the ending {model_file.suffix!r}; "
            f"known are {', '.join(sorted(_FRAMEWORKS))}"
        ) from None


def seal(directory: Path, described: Description) -> ModelMetadata:
    """Write `metadata.json` and `checksum.sha256` over the files that are in `directory`.

    Raises `InvalidMetadata` when the description breaks the schema or there is no model file.
    """
    model_file = find_model_file(directory, described.framework)
    metadata = parse_metadata(
        {
            **described.extra,
            "model_name": described.name,
            "version": described.version,
            "created_at": datetime.now(UTC).replace(microsecond=0),
            "framework": described.framework,
            "framework_version": described.framework_version,
            "task": described.task,
            "training": dict(described.training),
            "performance": dict(described.performance),
            "input_schema": {
                "features": described.features,
                "dtype": described.dtype,
                "shape": list(described.shape) or [1, described.features],
            },
            "output_schema": {
                "classes": len(described.labels),
                "labels": list(described.labels),
                "bins": list(described.bins),
            },
            "dependencies": dict(described.dependencies),
            "checksum": {"algorithm": "sha256", "value": sha256_of(model_file)},
        },
        source=f"the description of {described.name} {described.version}",
    )
    write_metadata(directory, metadata)
    write_checksums(directory)
    return metadata


def pack(
    model_file: Path,
    store: Path,
    described: Description,
    preprocessing: Path | None = None,
    probe: Path | None = None,
    *,
    replace: bool = False,
    twin: bool = False,
) -> Path:
    """Put a copy of `model_file` into the local store `store`; returns the version's directory.

    `preprocessing` is a joblib pickle with `transform(X)`, `probe` a NumPy file of typical rows.
    `twin` adds a checked ONNX twin of a Keras model (see `twin`), for which both are loaded.
    Raises `InvalidMetadata`, or `VersionConflict` when the version exists with other content,
    unless `replace`.
    """
    name, version = check_name(described.name), plain(described.version)
    if twin and described.task == "regression":
        raise InvalidMetadata("a twin is served for classes only, not for a regression")
    for path in (model_file, preprocessing, probe):
        if path is not None and not path.is_file():
            raise InvalidMetadata(f"{path} is no file")
    storage = LocalStorage(store)
    with tempfile.TemporaryDirectory(prefix="transit-pack-") as scratch:
        directory = Path(scratch)
        shutil.copyfile(model_file, directory / f"model{model_file.suffix}")
        if preprocessing is not None:
            shutil.copyfile(preprocessing, directory / PREPROCESSING)
        if probe is not None:
            shutil.copyfile(probe, directory / PROBE)
        if twin:
            write_twin(directory)
        seal(directory, described)
        storage.publish(directory, name, version, replace=replace)
    return storage.fetch(name, version, store)
