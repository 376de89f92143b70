"""`metadata.json`: what a version says of itself, as the deployment guide lays it down.

Neighbours: `integrity` holds `checksum` against the model file; the server checks requests against
`input_schema` and names classes by `output_schema`. Keys this module doesn't know are kept and
ignored.
"""

import json
from datetime import datetime
from itertools import pairwise
from math import prod
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

from transit_models.counting import counted
from transit_models.errors import InvalidMetadata
from transit_models.schema import (
    FEATURES,
    INLIER,
    OUTLIER,
    TEXT,
    TEXT_INPUT,
    Classes,
    Input,
    Inputs,
    Named,
    Number,
    Outputs,
    Schema,
    Several,
    Task,
    bin_labels,
    dtype_name,
    inputs_of,
)
from transit_models.versions import check_name, plain

METADATA = "metadata.json"
_MAX_BYTES = 4 * 1024 * 1024

Framework = Literal[
    "tensorflow", "xgboost", "scikit-learn", "onnx", "lightgbm", "catboost", "mlflow"
]
Dtype = Annotated[str, AfterValidator(dtype_name)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=300)]

# The endings of a framework's model file, best first. ONNX comes last: beside another
# format it is a twin.
MODEL_ENDINGS: dict[Framework, tuple[str, ...]] = {
    "tensorflow": (".keras", ".h5", ".onnx"),
    "xgboost": (".json", ".ubj", ".bst", ".onnx"),
    "scikit-learn": (".pkl", ".joblib", ".sav", ".pickle", ".skops", ".onnx"),
    "lightgbm": (".txt", ".onnx"),
    "catboost": (".cbm", ".onnx"),
    "mlflow": (".mlflow/MLmodel",),
    "onnx": (".onnx",),
}


class _Part(BaseModel):
    """A part of the metadata: immutable, and tolerant of keys that it doesn't know."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class InputSchema(_Part):
    """One request row: `features` numbers; `shape` is how the model wants a batch of one.

    `names` are those of the features, so that a row may be an object; with `missing`, null is a
    value that isn't there, for models that can take that.
    """

    features: int = Field(ge=1, le=10_000_000)
    dtype: Dtype = "float32"
    shape: tuple[int | None, ...] = ()
    names: tuple[_Name, ...] = ()
    missing: bool = False

    @model_validator(mode="after")
    def _shape_holds_features(self) -> "InputSchema":
        if self.names and len(self.names) != self.features:
            raise ValueError(
                f"features is {self.features}, with {counted(len(self.names), 'name')}"
            )
        if len(set(self.names)) != len(self.names):
            raise ValueError("two names are the same")
        if not self.shape:
            return self
        size = 1
        for length in self.shape[1:]:
            size *= length if length is not None else 0
        if size != self.features:
            raise ValueError(
                f"shape {list(self.shape)} holds {counted(size, 'value')} after the batch axis, "
                f"but features is {self.features}"
            )
        return self

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one row without the batch axis: (784,) for trees, (784, 1) for the example
        CNN.
        """
        return tuple(n for n in self.shape[1:] if n is not None) or (self.features,)


class InputPart(_Part):
    """One of several inputs, or one column of a table. `shape` is a batch of one, as in
    `input_schema`; a column's is [1], which is also what is meant when there is none.
    """

    name: _Name
    dtype: Dtype = "float32"
    shape: tuple[int | None, ...] = ()
    categories: tuple[str, ...] = ()
    missing: bool = False

    def as_input(self) -> Input:
        lengths = self.shape[1:]
        return Input(self.name, self.dtype, lengths, (), self.categories, self.missing)


class OutputSchema(_Part):
    """The classes, in the order of the model's outputs; a regression has none.

    `bins` are a regression's: rising bounds that cut its values into ranges, whose shares are
    compared for drift as those of classes are. `unit` is for people. `model_classes` is what the
    model itself calls each label, where that can't be known from the labels.
    """

    classes: int = Field(default=0, ge=0, le=100_000)
    labels: tuple[str, ...] = ()
    model_classes: tuple[bool | int | float | str, ...] = ()
    bins: tuple[FiniteFloat, ...] = Field(default=(), max_length=100)
    unit: str = Field(default="", max_length=100)

    @property
    def bin_labels(self) -> tuple[str, ...]:
        """See `schema.bin_labels`."""
        return bin_labels(self.bins)

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
            raise ValueError(
                f"classes is {self.classes}, with {counted(len(self.labels), 'label')}"
            )
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("two labels are the same")
        if self.model_classes and len(self.model_classes) != self.classes:
            raise ValueError(f"classes is {self.classes}, model_classes {len(self.model_classes)}")
        return self


class OutputPart(_Part):
    """One of several outputs, by the model's name: classes with `labels`, or numbers."""

    name: _Name
    labels: tuple[str, ...] = ()
    bins: tuple[FiniteFloat, ...] = Field(default=(), max_length=100)
    unit: str = Field(default="", max_length=100)

    def as_output(self) -> Named:
        of = Classes(self.labels) if self.labels else Number(self.bins, self.unit)
        return Named(self.name, of)


class Checksum(_Part):
    """The SHA-256 of the model file, in hex."""

    algorithm: Literal["sha256"] = "sha256"
    value: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)]


class ModelMetadata(_Part):
    """All that `metadata.json` says. Raises pydantic's `ValidationError` when built from wrong
    values.

    `undescribed`: what is taken and answered is the model's own affair, and known when it is
    loaded; what is said all the same, a task or labels, must be so.
    """

    model_name: Annotated[str, AfterValidator(check_name)]
    version: Annotated[str, AfterValidator(plain)]
    created_at: datetime | None = None
    framework: Framework
    framework_version: str = ""
    task: Task = "classification"
    undescribed: bool = False
    training: dict[str, Any] = Field(default_factory=dict)
    performance: dict[str, Any] = Field(default_factory=dict)
    input_schema: InputSchema
    output_schema: OutputSchema = OutputSchema()
    inputs: tuple[InputPart, ...] = Field(default=(), max_length=10_000)
    outputs: tuple[OutputPart, ...] = Field(default=(), max_length=100)
    dependencies: dict[str, str] = Field(default_factory=dict)
    checksum: Checksum

    @model_validator(mode="before")
    @classmethod
    def _inputs_stand_for_their_sum(cls, raw: Any) -> Any:
        """`input_schema` may be left out where `inputs` says more, or nothing is said of it."""
        if isinstance(raw, dict) and raw.get("undescribed") is True:
            return {"input_schema": {"features": 1}, **raw}
        if isinstance(raw, dict) and raw.get("inputs") and "input_schema" not in raw:
            try:
                features = sum(
                    prod(n or 1 for n in (part.get("shape") or ())[1:]) for part in raw["inputs"]
                )
            except (AttributeError, TypeError):
                features = 1  # what is wrong with `inputs` is told below
            return {**raw, "input_schema": {"features": max(features, 1)}}
        return raw

    @model_validator(mode="after")
    def _classes_fit_task(self) -> "ModelMetadata":
        if self.undescribed:
            return self
        classes = self.output_schema.classes
        if self.task == "classification" and classes < 2:
            raise ValueError("output_schema: a classification needs at least 2 classes with labels")
        if self.task == "binary" and classes != 2:
            raise ValueError("output_schema: a binary model needs exactly 2 classes with labels")
        if self.task == "label" and classes < 1:
            raise ValueError("output_schema: the task label needs classes with labels")
        if self.task == "regression" and classes:
            raise ValueError("output_schema: a regression has no classes; it may have bins")
        if self.task == "outlier" and classes not in (0, 2):
            raise ValueError("output_schema: an outlier detection has two labels, inlier first")
        names = [part.name for part in self.inputs]
        if len(set(names)) != len(names):
            raise ValueError("inputs: two have the same name")
        return self

    def plain(self) -> dict[str, Any]:
        """As JSON; what is optional beyond the guide, and says nothing, is left out."""
        made = self.model_dump(mode="json", exclude_none=True)
        optional = {"input_schema": ("names", "missing"), "output_schema": ("model_classes",)}
        for part, names in optional.items():
            made[part] = {k: v for k, v in made[part].items() if v or k not in names}
        if not self.undescribed:
            del made["undescribed"]
        for name in ("inputs", "outputs"):
            made[name] = [{k: v for k, v in item.items() if v} for item in made[name]]
        return {
            key: value for key, value in made.items() if value or key not in ("inputs", "outputs")
        }

    @property
    def signature(self) -> Schema:
        """What the model takes and answers, of whichever of both ways it is written in."""
        return Schema(
            self.task,
            self._inputs(),
            self._outputs(),
            says_dtype=bool(self.inputs) or "dtype" in self.input_schema.model_fields_set,
            says_inputs=bool(self.inputs),
        )

    def _inputs(self) -> Inputs:
        if self.inputs:
            return inputs_of(tuple(part.as_input() for part in self.inputs))
        given = self.input_schema
        if given.dtype == TEXT:
            names = given.names or (
                (TEXT_INPUT,)
                if given.features == 1
                else tuple(f"{TEXT_INPUT}_{n}" for n in range(given.features))
            )
            return Inputs(tuple(Input(name, TEXT, missing=given.missing) for name in names))
        return Inputs(
            (Input(FEATURES, given.dtype, given.row_shape, given.names, (), given.missing),)
        )

    def _outputs(self) -> Outputs:
        said = self.output_schema
        if self.task == "tensors":
            return Several(tuple(part.as_output() for part in self.outputs))
        if self.task == "regression":
            return Number(said.bins, said.unit)
        if self.task == "outlier":
            return Classes(said.labels or (INLIER, OUTLIER), (1, -1), False, score=True)
        plain = self.task in ("label", "cluster")
        return Classes(said.labels, said.model_classes, probabilities=not plain)


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
        json.dumps(raw, ensure_ascii=False).encode()  # half a surrogate pair can't be said again
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
    path.write_text(json.dumps(metadata.plain(), indent=2, ensure_ascii=False) + "\n", "utf-8")
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
