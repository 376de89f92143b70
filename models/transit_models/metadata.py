"""`metadata.json`: what a version says of itself, as the deployment guide lays it down.

Neighbours: `integrity` holds `checksum` against the model file; the server checks requests against
`input_schema` and names classes by `output_schema`. Keys this module doesn't know are kept and
ignored.
"""

import json
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationError,
    model_validator,
)

from transit_models.errors import InvalidMetadata
from transit_models.versions import check_name, plain

METADATA = "metadata.json"
_MAX_BYTES = 4 * 1024 * 1024

Framework = Literal["tensorflow", "xgboost", "scikit-learn", "onnx"]
Task = Literal["classification", "regression", "binary"]

# The endings of a framework's model file, best first. ONNX comes last: beside another
# format it is a twin.
MODEL_ENDINGS: dict[Framework, tuple[str, ...]] = {
    "tensorflow": (".keras", ".h5", ".onnx"),
    "xgboost": (".json", ".ubj", ".onnx"),
    "scikit-learn": (".pkl", ".joblib", ".onnx"),
    "onnx": (".onnx",),
}


class _Part(BaseModel):
    """A part of the metadata: immutable, and tolerant of keys that it doesn't know."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class InputSchema(_Part):
    """One request row: `features` numbers; `shape` is how the model wants a batch of one."""

    features: int = Field(ge=1, le=10_000_000)
    dtype: str = "float32"
    shape: tuple[int | None, ...] = ()

    @model_validator(mode="after")
    def _shape_holds_features(self) -> "InputSchema":
        if not self.shape:
            return self
        size = 1
        for length in self.shape[1:]:
            size *= length if length is not None else 0
        if size != self.features:
            raise ValueError(
                f"shape {list(self.shape)} holds {size} values after the batch axis, "
                f"but features is {self.features}"
            )
        return self

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one row without the batch axis: (784,) for trees, (784, 1) for the example
        CNN.
        """
        return tuple(n for n in self.shape[1:] if n is not None) or (self.features,)


class OutputSchema(_Part):
    """The classes, in the order of the model's outputs; a regression has none.

    `bins` are a regression's: rising bounds that cut its values into ranges, whose shares are
    compared for drift as those of classes are. `unit` is for people.
    """

    classes: int = Field(default=0, ge=0, le=100_000)
    labels: tuple[str, ...] = ()
    bins: tuple[FiniteFloat, ...] = Field(default=(), max_length=100)
    unit: str = Field(default="", max_length=100)

    @property
    def bin_labels(self) -> tuple[str, ...]:
        """One for each range, the lowest first; a bound belongs to the range above it."""
        if not self.bins:
            return ()
        bounds = [f"{bound:.12g}" for bound in self.bins]
        inner = [f"{low}..{high}" for low, high in pairwise(bounds)]
        return (f"<{bounds[0]}", *inner, f">={bounds[-1]}")

    @model_validator(mode="after")
    def _bins_rise(self) -> "OutputSchema":
        if any(low >= high for low, high in pairwise(self.bins)):
            raise ValueError(f"bins must rise, but are {list(self.bins)}")
        if self.bins and self.classes:
            raise ValueError("bins are for a regression, and classes are for the others")
        return self

    @model_validator(mode="after")
    def _labels_name_classes(self) -> "OutputSchema":
        if len(self.labels) != self.classes:
            raise ValueError(f"classes is {self.classes}, but there are {len(self.labels)} labels")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("two labels are the same")
        return self


class Checksum(_Part):
    """The SHA-256 of the model file, in hex."""

    algorithm: Literal["sha256"] = "sha256"
    value: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)]


class ModelMetadata(_Part):
    """All that `metadata.json` says. Raises pydantic's `ValidationError` when built from wrong
    values.
    """

    model_name: Annotated[str, AfterValidator(check_name)]
    version: Annotated[str, AfterValidator(plain)]
    created_at: datetime | None = None
    framework: Framework
    framework_version: str = ""
    task: Task = "classification"
    training: dict[str, Any] = Field(default_factory=dict)
    performance: dict[str, Any] = Field(default_factory=dict)
    input_schema: InputSchema
    output_schema: OutputSchema = OutputSchema()
    dependencies: dict[str, str] = Field(default_factory=dict)
    checksum: Checksum

    @model_validator(mode="after")
    def _classes_fit_task(self) -> "ModelMetadata":
        classes = self.output_schema.classes
        if self.task == "classification" and classes < 2:
            raise ValueError("output_schema: a classification needs at least 2 classes with labels")
        if self.task == "binary" and classes != 2:
            raise ValueError("output_schema: a binary model needs exactly 2 classes with labels")
        if self.task == "regression" and classes:
            raise ValueError("output_schema: a regression has no classes; it may have bins")
        return self


def read_metadata(directory: Path) -> ModelMetadata:
    """The metadata of the version in `directory`.

    Raises `InvalidMetadata`, naming each wrong field, when the file is missing or breaks the
    schema.
    """
    path = directory / METADATA
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InvalidMetadata(
                f"{path} is larger than {_MAX_BYTES} bytes; it should be a few KB"
            )
        raw = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InvalidMetadata(
            f"{path} is missing; make it with: transit-models pack --help"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidMetadata(f"{path} cannot be read as JSON: {error}") from error
    return parse_metadata(raw, str(path))


def parse_metadata(raw: object, source: str = METADATA) -> ModelMetadata:
    """The metadata in `raw` (decoded JSON). Raises `InvalidMetadata`, its message starts with
    `source`.
    """
    try:
        return ModelMetadata.model_validate(raw)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'the document'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        )
        raise InvalidMetadata(f"{source} breaks the schema: {problems}") from None


def write_metadata(directory: Path, metadata: ModelMetadata) -> Path:
    """Write `metadata` into `directory` as indented JSON; returns the file."""
    path = directory / METADATA
    path.write_text(metadata.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")
    return path


def find_model_file(directory: Path, framework: Framework) -> Path:
    """The one `model.<ext>` of `framework` in `directory`.

    Raises `InvalidMetadata` when there is none, naming the endings that would do.
    """
    for ending in MODEL_ENDINGS[framework]:
        path = directory / f"model{ending}"
        if path.is_file():
            return path
    wanted = ", ".join(f"model{ending}" for ending in MODEL_ENDINGS[framework])
    there = ", ".join(sorted(p.name for p in directory.glob("model.*"))) or "no model.* file"
    raise InvalidMetadata(
        f"{directory}: framework {framework!r} needs one of {wanted}; found {there}"
    )
