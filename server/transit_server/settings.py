"""What the server is told, by environment variables; the operator sets them.

Each field of `Settings` is one variable: `batch_max_size` is `TRANSIT_BATCH_MAX_SIZE`. `transit-
server --help` prints the descriptions below. Credentials for S3 come from the standard `AWS_*`
variables, which the store reads.
"""

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from transit_models.file_formats import FileFormat

ENSEMBLE = "ensemble"

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = re.compile(r"(\d+)(Ki|Mi|Gi|k|M|G)?")
_BYTES = {None: 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


class SettingsError(ValueError):
    """The environment does not describe a server; the message names the variable."""


def parse_duration(value: object) -> float:
    """'2ms', '1.5s' or '1m30s' in seconds."""
    if isinstance(value, int | float):
        return float(value)
    text = str(value).strip()
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration such as 2ms, 5s or 1m30s")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse_size(value: object) -> int:
    """'32Mi' in bytes."""
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is not a size such as 1048576, 512Ki or 32Mi")
    return int(match[1]) * _BYTES[match[2]]


def _parse_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None


def _parse_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0)]
Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]


class ModelRef(BaseModel):
    """A model to serve: its name in the store, and a version or an alias."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    name: str = Field(min_length=1, max_length=100)
    version: str = Field(min_length=1, max_length=100)
    intra_op_threads: int | None = Field(None, ge=1, le=1024, alias="intraOpThreads")
    digest: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$"
    )  # the content; else whatever is there


class Experiment(BaseModel):
    """An A/B experiment: `version` of `model` answers `share` of the requests to `model`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str = Field(min_length=1, max_length=100)
    version: str = Field(min_length=1, max_length=100)
    share: float = Field(ge=0.0, le=1.0)
    header: str = Field("", pattern=r"^[A-Za-z0-9-]*$", max_length=100)

    @property
    def ref(self) -> ModelRef:
        return ModelRef(name=self.model, version=self.version)


Features = Literal["Omit", "Hash", "Keep"]


class PredictionLogSettings(BaseModel):
    """What is kept of single predictions: of `share` of the requests, and of all rows that fail.

    `features` is for every column, `columns` for one by its name. `secret` is a mounted Secret that
    says who writes to `uri`, and has the `salt` of hashes. `buffer` bytes may wait, files are
    written at least `every` so often.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    uri: str = Field(min_length=1)
    secret: Path | None = None
    share: float = Field(1.0, ge=0.0, le=1.0)
    features: Features = "Omit"
    columns: dict[str, Features] = {}
    buffer: Size = 32 * 2**20
    every: Annotated[Duration, Field(gt=0)] = 30.0


class AnswerCacheSettings(BaseModel):
    """A Redis that keeps answers for `ttl`, none larger than `largest`; a request waits for it for
    `wait` at most.

    `secret` is a mounted Secret with its `url`, and `ca.crt` for TLS with an authority of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    secret: Path
    ttl: Annotated[Duration, Field(ge=0.001)] = 300.0
    largest: Size = 16 * 2**10
    wait: Annotated[Duration, Field(ge=0.001, lt=1.0)] = 0.005


class Settings(BaseModel):
    """Everything the server is told; immutable for the life of the process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: Annotated[tuple[ModelRef, ...], BeforeValidator(_parse_json)] = Field(
        min_length=1,
        max_length=16,
        description='The models to serve, as JSON: [{"name": "keras_cnn", "version": "1.1.0"}]',
    )
    default_model: str = Field(
        "", description="What model 'auto' means: a model's name, or ensemble. Default: the first"
    )
    storage_uri: str = Field(
        min_length=1, description="Where the models are: s3://bucket/prefix or file:///models"
    )
    model_deployment: str = Field(
        "default/transit", description="namespace/name of the ModelDeployment, a label of metrics"
    )
    revision: str = Field("local", description="The revision that this server belongs to")
    batch_max_size: int = Field(
        32, ge=1, le=4096, description="Most rows that are given to a model at once"
    )
    batch_max_wait: Duration = Field(
        0.002,
        description="Longest wait for a batch to fill under load, the time that the model works "
        "included; when idle there is none. A model that takes less than 4 ms takes along all that "
        "comes while requests are decoded, unless this is 0",
    )
    intra_op_threads: int = Field(
        1,
        ge=1,
        le=1024,
        description="Threads that one call of a model may use; intraOpThreads of an entry of "
        "TRANSIT_MODELS sets it for that model. More than 1 pays for large models only",
    )
    tensor_float_32: bool = Field(
        False,
        description="Whether a GPU may round what it multiplies to 10 bits of fraction, as "
        "TensorFloat-32 does: faster networks, and answers that differ from the author's in the "
        "third or fourth digit. Models are compared with their originals without it, always",
    )
    dependencies: Literal["Warn", "Refuse"] = Field(
        "Warn",
        description="What to do with a model whose libraries are here in another minor version: "
        "Warn (in the log and in /info) or Refuse",
    )
    signing_keys: Annotated[dict[str, str] | None, BeforeValidator(_parse_json)] = Field(
        None,
        description="Public keys (Ed25519, PEM) by name, as JSON: one of them must have signed "
        "each version, or nothing of it is read. Default: no signature is asked for",
    )
    formats: Annotated[tuple[FileFormat, ...] | None, BeforeValidator(_parse_list)] = Field(
        None,
        min_length=1,
        description="Formats of files that may be opened, with commas between: "
        f"{', '.join(get_args(FileFormat))}. A pickle runs code when it is opened; preprocessing "
        "is one. Default: all",
    )
    cache_dir: Path = Field(
        Path("/var/cache/transit"), description="Where fetched models are kept; must be writable"
    )
    host: str = Field(
        "", description="Address to listen on. Default: all addresses of IPv4 and IPv6"
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on")
    probe_port: int = Field(
        8081,
        ge=0,
        le=65535,
        description="Port of /health/live, /health/ready and /metrics, answered by a thread of its "
        "own; not for clients",
    )
    cors_origins: Annotated[tuple[str, ...], BeforeValidator(_parse_list)] = Field(
        (),
        description="Origins whose pages may ask from a browser, such as "
        "https://app.example.com, with commas between. Default: none",
    )
    keep_alive: Duration = Field(
        3900.0,
        gt=0,
        description="How long a connection stays open between two requests: longer than gateways "
        "keep theirs, or they send requests into connections that have just been closed",
    )
    max_connections: int = Field(
        4096,
        ge=1,
        le=1_000_000,
        description="Most connections; then those that wait for their clients make room, and where "
        "none does, 503",
    )
    drain_delay: Duration = Field(
        5.0, description="After SIGTERM, how long new requests are still served"
    )
    request_timeout: Duration = Field(
        30.0, gt=0, description="Longest time for one prediction; then the answer is 504"
    )
    load_timeout: Duration = Field(
        60.0, description="How long a storage that can't be reached is tried again at the start"
    )
    max_body: Size = Field(32 * 2**20, description="Largest request body, such as 32Mi; then 413")
    max_batch_rows: int = Field(4096, ge=1, description="Most rows of one batch request")
    max_queue: int = Field(
        2048,
        ge=1,
        description="Most rows that may come before a request's last one; then the answer is 503. "
        "Requests take turns, so a large one leaves room for small ones; one that finds none "
        "waiting may bring more",
    )
    max_bodies: Size = Field(
        256 * 2**20,
        description="Most bytes of large bodies in memory at once; then the answer is 503. As many "
        "of answers that clients don't read; then the slowest connections are cut",
    )
    breaker_failures: int = Field(
        10,
        ge=0,
        le=100_000,
        description="A model that fails on so many requests in a row is asked its own probe rows; "
        "if it fails on those too, it is given nothing else, and the server is not ready. 0: never",
    )
    breaker_open_for: Duration = Field(
        10.0, gt=0, description="How often the probe rows are asked then, until one is answered"
    )
    hang_timeout: Duration = Field(
        0.0,
        description="A model that doesn't come back from one batch for so long ends the process. "
        "0: three times TRANSIT_REQUEST_TIMEOUT",
    )
    quarantine: Duration = Field(
        600.0,
        description="How long the rows of such a batch are kept from hanging the model again: each "
        "goes to it alone, and what hung alone is refused",
    )
    api_keys: str = Field(
        "",
        description="Who may ask: lines NAME=KEY or NAME=sha256:HASH. Default: everybody. Health "
        "and metrics never need a key",
    )
    api_keys_file: Path | None = Field(
        None,
        description="More keys: a file of such lines, or a mounted Secret (a directory with a file "
        "per key); changes are seen within seconds",
    )
    rate_limit: float = Field(
        0.0,
        ge=0,
        le=1e6,
        allow_inf_nan=False,
        description="Most rows a second for each API key, without keys for all together; then the "
        "answer is 429. Requests that are no predictions count as one row. 0: no limit",
    )
    rate_burst: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Most rows at once after a pause, and of one request. Default: those of one "
        "second",
    )
    feedback_key_file: Path | None = Field(
        None,
        description="A file with at least 32 random bytes, the same for all servers of a "
        "ModelDeployment: answers are signed with it, so that feedback on them can be believed. "
        "Without it there is no feedback",
    )
    feedback_days: int = Field(
        30,
        ge=1,
        le=366,
        description="For how many days feedback on a prediction is taken; each has up to 512 KiB "
        "of memory",
    )
    experiment: Annotated[Experiment | None, BeforeValidator(_parse_json)] = Field(
        None,
        description="A second version of a model for a share of its requests, as JSON: "
        '{"model": "keras_cnn", "version": "1.2.0", "share": 0.1, "header": "X-User-ID"}. The '
        "header says who belongs together; without it, each request is on its own",
    )
    prediction_log: Annotated[PredictionLogSettings | None, BeforeValidator(_parse_json)] = Field(
        None,
        description='Where single predictions are written, as JSON: {"uri": "s3://predictions", '
        '"share": 0.1, "features": "Omit", "columns": {"age": "Keep", "city": "Hash"}, "secret": '
        '"/a/mounted/Secret", "buffer": "32Mi", "every": "30s"}. Default: nowhere',
    )
    answer_cache: Annotated[AnswerCacheSettings | None, BeforeValidator(_parse_json)] = Field(
        None,
        description="A Redis in which the servers of a revision share answers to identical rows, as"
        ' JSON: {"secret": "/a/mounted/Secret", "ttl": "5m", "largest": "16Ki", "wait": "5ms"}. The'
        " Secret has its url. Needs TRANSIT_FEEDBACK_KEY_FILE, by which entries are sealed. "
        "Default: none",
    )
    access_log: Literal["off", "errors", "all"] = Field(
        "errors", description="Requests that are logged: off, errors (status 500 and above) or all"
    )
    termination_log: Path = Field(
        Path("/dev/termination-log"), description="Where one line goes when a model can't be loaded"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        names = [model.name for model in self.models]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"models: {twice[0]!r} is there twice")
        if ENSEMBLE in names or "auto" in names:
            raise ValueError("models: 'auto' and 'ensemble' can't be names of models")
        if self.default_model not in ("", ENSEMBLE, *names):
            raise ValueError(
                f"default_model: {self.default_model!r} is neither one of {names} nor 'ensemble'"
            )
        if self.experiment is not None and self.experiment.model not in names:
            raise ValueError(f"experiment: {self.experiment.model!r} is not one of {names}")
        if 0 < self.hang_timeout < self.request_timeout:
            raise ValueError("hang_timeout: is less than TRANSIT_REQUEST_TIMEOUT")
        if self.answer_cache is not None and self.feedback_key_file is None:
            raise ValueError("answer_cache: needs TRANSIT_FEEDBACK_KEY_FILE to seal entries with")
        if self.rate_burst and not self.rate_limit:
            raise ValueError("rate_burst: has no meaning without TRANSIT_RATE_LIMIT")
        return self

    @property
    def refs(self) -> tuple[ModelRef, ...]:
        """All that has to be loaded: the models, then the experiment's second version."""
        return (*self.models, *([self.experiment.ref] if self.experiment else []))

    @property
    def hangs_after(self) -> float:
        """Seconds for one batch, after which the process ends."""
        return self.hang_timeout or 3 * self.request_timeout

    @property
    def default(self) -> str:
        """What `auto` means, never empty."""
        return self.default_model or self.models[0].name

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read `TRANSIT_*`; an empty variable counts as absent."""
        values: dict[str, Any] = {
            field: environment[variable]
            for field, variable in _variables().items()
            if environment.get(variable, "") != ""
        }
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SettingsError("; ".join(_explain(item) for item in error.errors())) from None


def _variables() -> dict[str, str]:
    return {field: f"TRANSIT_{field.upper()}" for field in Settings.model_fields}


def _explain(item: Any) -> str:
    location = [str(part) for part in item["loc"]]
    message = str(item["msg"]).removeprefix("Value error, ")
    if not location:
        return message
    variable = _variables().get(location[0], location[0])
    if item["type"] == "missing" and len(location) == 1:
        return f"{variable} is not set"
    return f"{variable}{''.join(f'[{part}]' for part in location[1:])}: {message}"


def help_text() -> str:
    """The text of `transit-server --help`, made from the fields above."""
    lines = [
        "Usage: transit-server [--help]",
        "",
        "Serves machine-learning models over HTTP. It is told what to do by environment variables:",
        "",
    ]
    for name, variable in _variables().items():
        field = Settings.model_fields[name]
        lines.append(f"  {variable}" + (" (required)" if field.is_required() else ""))
        text = field.description or ""
        if not field.is_required() and field.default not in ("", None, ()):
            text += f" (default {field.default})"
        lines += textwrap.wrap(text, 88, initial_indent="      ", subsequent_indent="      ")
    lines += ["", "S3 credentials and endpoint come from the standard AWS_* variables."]
    return "\n".join(lines)
