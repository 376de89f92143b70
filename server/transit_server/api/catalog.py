"""What the server says of itself and its models: lists, details, health."""

from typing import Any

from transit_server.lifecycle import Lifecycle
from transit_server.serving.registry import Registry, ServedModel

_STUCK_AFTER = 3.0


class Catalog:
    """Answers about models, not by them."""

    def __init__(
        self,
        registry: Registry,
        lifecycle: Lifecycle,
        deployment: str,
        revision: str,
        timeout: float,
    ) -> None:
        self._registry = registry
        self._lifecycle = lifecycle
        self._deployment = deployment
        self._revision = revision
        self._stuck = _STUCK_AFTER * timeout

    def models(self) -> dict[str, Any]:
        return {
            "models": [self._summary(name, model) for name, model in self._registry.states.items()],
            "default": self._registry.default,
            **self._self(),
        }

    def info(self, name: str) -> dict[str, Any]:
        """Raises `UnknownModel`, `NotReady`."""
        model = self._registry.get(name)
        return {
            **self._summary(name, model),
            **self._self(),
            "engine": model.engine,
            "engine_note": model.note,
            "load_time_seconds": round(model.load_seconds, 3),
            "features": model.features,
            "labels": list(model.labels),
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
        for name, model in self._registry.states.items():
            if model is None:
                return f"model {name} is loading"
            if model.batcher.busy_for > self._stuck:
                return f"model {name} has not answered for {model.batcher.busy_for:.0f} s"
        return None

    def _summary(self, name: str, model: ServedModel | None) -> dict[str, Any]:
        version = self._registry.refs[name].version if model is None else model.version
        return {"name": name, "version": version, "ready": model is not None}

    def _self(self) -> dict[str, str]:
        return {"model_deployment": self._deployment, "revision": self._revision}
