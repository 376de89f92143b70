"""The models this process serves: which, whether they are ready, and what `auto` means.

`loading` fills it from its own thread, one assignment per model; `api` reads it on the event loop.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transit_models.schema import Classes, Inputs, Number, Outputs, Several
from transit_server.errors import NotReady, UnknownModel
from transit_server.formats.base import Rows
from transit_server.formats.device import Device
from transit_server.observability.metrics import ModelMetrics
from transit_server.serving.one_model.batching import Batcher
from transit_server.serving.one_model.breaker import Breaker, State
from transit_server.settings import ENSEMBLE, ModelRef

AUTO = "auto"


@dataclass(slots=True, eq=False)
class ServedModel:
    """A model that answers."""

    name: str
    version: str
    digest: str  # of its content
    signed_by: str  # the name of a key, where signatures are asked for
    inputs: Inputs
    outputs: Outputs
    metadata: Mapping[str, Any]
    engine: str
    note: str
    device: Device
    load_seconds: float
    batcher: Batcher
    metrics: ModelMetrics
    breaker: Breaker
    probes: Rows  # rows that it answered when it was loaded
    widths: tuple[tuple[str, int], ...] = ()  # of several outputs: name, columns
    dependencies: tuple[str, ...] = ()  # what differs from the metadata's, each in words
    features: int = 0  # values in one row
    labels: tuple[str, ...] = ()  # of classes, or of a number's bins

    def __post_init__(self) -> None:
        self.features = self.inputs.features
        self.labels = labels_of(self.outputs)

    @property
    def id(self) -> str:
        """What it is called in texts."""
        return f"{self.name} {self.version}"

    @property
    def unready_because(self) -> str | None:
        """None when it answers."""
        if self.breaker.state is State.OPEN:
            return "fails on its own probe rows"
        if self.batcher.hangs:
            return f"has not answered for {self.batcher.busy_for:.0f} s"
        return None

    @property
    def regression(self) -> bool:
        """One number a row; then `labels` are those of its bins, and there may be none."""
        return isinstance(self.outputs, Number)

    @property
    def several(self) -> bool:
        """Several outputs, which v2 alone can answer."""
        return isinstance(self.outputs, Several)

    @property
    def probabilities(self) -> bool:
        return isinstance(self.outputs, Classes) and self.outputs.probabilities

    @property
    def kind(self) -> tuple[object, ...]:
        """Two models of one kind can answer for each other."""
        inputs = self.inputs
        rows = (inputs.row_dtype.names, inputs.names) if inputs.matrix is None else ()
        return type(self.outputs), self.probabilities, self.labels, self.features, rows


def labels_of(outputs: Outputs) -> tuple[str, ...]:
    """The names that predictions are counted under."""
    if isinstance(outputs, Classes):
        return outputs.labels
    return outputs.bin_labels if isinstance(outputs, Number) else ()


class Registry:
    """All models of the settings, in their order; a place is None until its model is ready.

    An experiment's second version, the challenger, is found by its version only.
    """

    def __init__(
        self, models: tuple[ModelRef, ...], default: str, challenger: ModelRef | None = None
    ) -> None:
        self._challenger_ref = challenger
        self._challenger: ServedModel | None = None
        self.refs = {ref.name: ref for ref in models}
        self.default = default
        self._served: dict[str, ServedModel | None] = dict.fromkeys(self.refs)
        self._metrics: dict[str, ModelMetrics] = {}
        # Of the models that are ready: whether any computes in 64 bits, and the most inputs or
        # columns, and features, that one has; the most characters of a feature's name, None where
        # any takes texts, which may be long. Each request asks.
        self.wide = False
        self.most_inputs = 1
        self.widest = 0
        self.longest_name: int | None = 0

    @property
    def states(self) -> dict[str, ServedModel | None]:
        return dict(self._served)

    def every(self) -> list[tuple[ModelRef, ServedModel | None]]:
        """What was asked for, the challenger too, and what there is of it."""
        every = [(self.refs[name], model) for name, model in self._served.items()]
        if self._challenger_ref is not None:
            every.append((self._challenger_ref, self._challenger))
        return every

    def counts_for(self, name: str, metrics: ModelMetrics) -> None:
        """The series of a model that may not be loaded yet."""
        self._metrics[name] = metrics

    def add(self, model: ServedModel) -> None:
        self._served[model.name] = model
        self._grow(model)

    def add_challenger(self, model: ServedModel) -> None:
        self._challenger = model
        self._grow(model)

    def _grow(self, model: ServedModel) -> None:
        inputs = model.inputs
        self.wide = self.wide or inputs.wide
        self.most_inputs = max(self.most_inputs, len(inputs.fields), len(inputs.names))
        self.widest = max(self.widest, model.features)
        if any(field.is_text for field in inputs.fields):
            self.longest_name = None
        elif self.longest_name is not None:
            self.longest_name = max(self.longest_name, *map(len, ("", *inputs.names)))

    def challenger(self) -> ServedModel:
        """The experiment's second version. Raises `NotReady`."""
        if self._challenger is None:
            raise NotReady("the experiment's second version is not loaded yet")
        return self._challenger

    def names(self, model: str) -> tuple[str, ...]:
        """The names behind `auto`, `ensemble` or a name. Raises `UnknownModel`."""
        wanted = self.default if model == AUTO else model
        if wanted == ENSEMBLE:
            return tuple(self.refs)
        if wanted not in self.refs:
            known = ", ".join((*self.refs, AUTO, ENSEMBLE))
            raise UnknownModel(
                f"no model {model[:100]!r} is served here, only {known}", field="model"
            )
        return (wanted,)

    def get(self, name: str, version: str | None = None) -> ServedModel:
        """The model `name`. Raises `UnknownModel` or `NotReady`."""
        if name not in self.refs:
            known = ", ".join(self.refs)
            raise UnknownModel(
                f"no model {name[:100]!r} is served here, only {known}", field="model"
            )
        model = self._served[name]
        if model is None:
            raise NotReady(f"model {name} {self.refs[name].version} is not loaded yet")
        if version is not None and version.removeprefix("v") != model.version:
            second = self._challenger
            if second is not None and (second.name, second.version) == (
                name,
                version.removeprefix("v"),
            ):
                return second
            raise UnknownModel(
                f"model {name} is served in version {model.version}, not {version[:100]!r}",
                field="version",
            )
        return model

    def versions(self, name: str) -> list[str]:
        """Those of `name` that answer now."""
        return [model.version for _, model in self.every() if model and model.name == name]

    def invalid(self, model: str) -> None:
        """Count a client's mistake for whom it was meant; for the default where that can't be
        known.
        """
        try:
            names = self.names(model)
        except UnknownModel:
            names = self.names(AUTO)
        for name in names:
            if name in self._metrics:
                self._metrics[name].requests.invalid()
