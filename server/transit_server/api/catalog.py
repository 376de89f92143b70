"""What the server says of itself and its models: lists, details, health."""

from typing import Any

from transit_models.schema import Inputs, Number
from transit_server.runtime.lifecycle import Lifecycle
from transit_server.serving.registry import Registry, ServedModel
from transit_server.settings import Experiment, ModelRef


class Catalog:
    """Answers about models, not by them."""

    def __init__(
        self,
        registry: Registry,
        lifecycle: Lifecycle,
        deployment: str,
        revision: str,
        experiment: Experiment | None = None,
    ) -> None:
        self._experiment = experiment
        self._registry = registry
        self._lifecycle = lifecycle
        self._deployment = deployment
        self._revision = revision

    def models(self) -> dict[str, Any]:
        about = {} if self._experiment is None else {"experiment": self._experiment.model_dump()}
        return {
            **about,
            "models": [self._summary(ref, model) for ref, model in self._registry.every()],
            "default": self._registry.default,
            **self._self(),
        }

    def info(self, name: str) -> dict[str, Any]:
        """Raises `UnknownModel`, `NotReady`."""
        model = self._registry.get(name)
        return {
            **self._summary(self._registry.refs[name], model),
            **self._self(),
            "engine": model.engine,
            "engine_note": model.note,
            "device": model.device.kind,
            "device_note": model.device.note,
            "load_time_seconds": round(model.load_seconds, 3),
            "features": model.features,
            "labels": list(model.labels),
            **_more(model),
            "metadata": model.metadata,
        }

    def health(self) -> dict[str, Any]:
        why = self.not_ready_because()
        answer: dict[str, Any] = {"status": "healthy" if why is None else "unhealthy"}
        if why is not None:
            answer["reason"] = why
        return {**answer, **self.models()}

    def not_ready_because(self) -> str | None:
        """None when every model answers and the server isn't about to end."""
        if self._lifecycle.draining:
            return "draining"
        for ref, model in self._registry.every():
            name = ref.name
            if model is None:
                return f"model {name} is loading"
            if why := model.unready_because:
                return f"model {name} {why}"
        return None

    def _summary(self, ref: ModelRef, model: ServedModel | None) -> dict[str, Any]:
        version = ref.version if model is None else model.version
        summary: dict[str, Any] = {"name": ref.name, "version": version, "ready": _ready(model)}
        if model is not None:
            summary["digest"] = model.digest
            summary["circuit"] = model.breaker.state
        return summary

    def _self(self) -> dict[str, str]:
        return {"model_deployment": self._deployment, "revision": self._revision}


def _ready(model: ServedModel | None) -> bool:
    return model is not None and model.unready_because is None


def _more(model: ServedModel) -> dict[str, Any]:
    """What only some models have to say."""
    more: dict[str, Any] = {}
    if isinstance(model.outputs, Number):
        more |= {"bins": list(model.outputs.bins), "unit": model.outputs.unit}
    if model.signed_by:
        more["signed_by"] = model.signed_by
    if model.inputs.names or model.inputs.matrix is None:
        more["inputs"] = [
            {"name": name, "dtype": dtype} for name, dtype in _names_and_dtypes(model.inputs)
        ]
    if model.dependencies:
        more["dependencies"] = list(model.dependencies)
    return more


def _names_and_dtypes(inputs: Inputs) -> list[tuple[str, str]]:
    matrix = inputs.matrix
    if matrix is not None:
        return [(name, matrix.dtype) for name in matrix.names]
    return [(field.name, field.dtype) for field in inputs.fields]
