"""Making a version out of a model: metadata and checksums around the files somebody trained.

Neighbours: the command line's `pack` for people's own models; `examples.training` seals what it
trained. Nothing is deserialised here: a model is only copied and hashed, unless `pack` is asked for
an ONNX twin. What the file knows of itself, `draft` finds out before.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from transit_models.errors import InvalidMetadata
from transit_models.file_formats import PREPROCESSING_FORMAT
from transit_models.first_bytes import refuse_other
from transit_models.integrity import (
    ANSWERS,
    METRICS,
    PROBE,
    sha256_of,
    step_name,
    write_checksums,
)
from transit_models.metadata import (
    Framework,
    ModelMetadata,
    find_model_file,
    parse_metadata,
    write_metadata,
)
from transit_models.packing.model_file import place
from transit_models.packing.twin import write_twin
from transit_models.schema import Task
from transit_models.storage.local import LocalStorage
from transit_models.versions import check_name, plain


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
    names: Sequence[str] = ()
    missing: bool = False
    inputs: Sequence[Mapping[str, Any]] = ()
    model_classes: Sequence[Any] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


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
                **({"names": list(described.names)} if described.names else {}),
                **({"missing": True} if described.missing else {}),
            },
            "output_schema": {
                "classes": len(described.labels),
                "labels": list(described.labels),
                "bins": list(described.bins),
                **(
                    {"model_classes": list(described.model_classes)}
                    if described.model_classes
                    else {}
                ),
            },
            **({"inputs": [dict(item) for item in described.inputs]} if described.inputs else {}),
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
    preprocessing: Path | Sequence[Path] | None = None,
    probe: Path | None = None,
    *,
    answers: Path | None = None,
    metrics: Path | None = None,
    replace: bool = False,
    twin: bool = False,
) -> Path:
    """Put a copy of `model_file` into the local store `store`; returns the version's directory.

    `preprocessing` are joblib pickles with `transform(X)`, in order, `probe` a NumPy file of
    typical rows and `answers` what the author's library said to them. `twin` adds a checked ONNX
    twin of a Keras model (see `twin`), for which both are loaded. Raises `InvalidMetadata`, or
    `VersionConflict` when the version exists with other content, unless `replace` in a scratch
    store. A store that is made now is one.
    """
    name, version = check_name(described.name), plain(described.version)
    if twin and described.task == "regression":
        raise InvalidMetadata("a twin is served for classes only, not for a regression")
    steps = [preprocessing] if isinstance(preprocessing, Path) else list(preprocessing or ())
    storage = LocalStorage(store)
    if not store.exists():
        storage.mark_scratch()  # a workbench: what serves has its own, to publish to
    with tempfile.TemporaryDirectory(prefix="transit-pack-") as scratch:
        directory = Path(scratch)
        lay_out(directory, model_file, steps, probe, answers, metrics)
        if twin:
            write_twin(directory)
        seal(directory, described)
        storage.publish(directory, name, version, replace=replace)
    return storage.fetch(name, version, store).directory


def lay_out(
    directory: Path,
    model_file: Path,
    steps: Sequence[Path] = (),
    probe: Path | None = None,
    answers: Path | None = None,
    metrics: Path | None = None,
) -> None:
    """Copy all files of a version into `directory`, under the names that they have there. Raises
    `InvalidMetadata`, `NotAModel` for one that is none.
    """
    for path in (*steps, probe, answers, metrics):
        if path is not None and not path.is_file():
            raise InvalidMetadata(f"{path} is no file")
    place(model_file, directory)
    for number, step in enumerate(steps, start=1):
        refuse_other(step, PREPROCESSING_FORMAT)
        shutil.copyfile(step, directory / step_name(number))
    for path, name in ((probe, PROBE), (answers, ANSWERS), (metrics, METRICS)):
        if path is not None:
            shutil.copyfile(path, directory / name)
