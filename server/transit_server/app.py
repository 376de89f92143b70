"""The application: everything wired together once, and the table of all routes."""

import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from transit_server.api.catalog import Catalog
from transit_server.api.guide import GuideApi
from transit_server.api.openinference import OpenInferenceApi
from transit_server.http import docs
from transit_server.http.endpoint import DocumentedRoute
from transit_server.http.guide_routes import GuideRoutes
from transit_server.http.openinference_routes import OpenInferenceRoutes
from transit_server.http.probe_routes import ProbeRoutes
from transit_server.http.problems import reply_to
from transit_server.lifecycle import Lifecycle
from transit_server.metrics import Metrics
from transit_server.serving.inference import Inference
from transit_server.serving.loading import Loader
from transit_server.serving.registry import Registry
from transit_server.settings import Settings

_UNTRACED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


class _App(FastAPI):
    """FastAPI with only the layer that answers unknown paths.

    The others are for what `Endpoint` does itself or what is not used here (cookies, uploads,
    dependencies), and take a fifth of the time of a whole request.
    """

    def build_middleware_stack(self) -> ASGIApp:
        if _traced():
            return super().build_middleware_stack()
        return ExceptionMiddleware(self.router, handlers=dict(self.exception_handlers))


def create_app(
    settings: Settings,
    lifecycle: Lifecycle | None = None,
    on_failure: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The server's application; it begins to load its models when it is started.

    When a model can't be served, `lifecycle.failure` says why, and `on_failure` is called, on the
    loading thread.
    """
    lifecycle = lifecycle or Lifecycle()
    metrics = Metrics(settings.model_deployment, settings.revision)
    registry = Registry(settings.models, settings.default)
    inference = Inference(settings.request_timeout)
    catalog = Catalog(
        registry,
        lifecycle,
        settings.model_deployment,
        settings.revision,
        settings.request_timeout,
    )
    shared = (registry, inference, settings.revision, settings.max_batch_rows)
    guide = GuideRoutes(GuideApi(*shared), catalog, settings.max_body)
    v2 = OpenInferenceRoutes(OpenInferenceApi(*shared), catalog, settings.max_body)
    probes = ProbeRoutes(catalog, metrics)

    one, versioned = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"
    table = [
        # The paths that are asked most come first: they are tried in this order.
        ("POST", "/api/v1/predict", guide.predict, docs.PREDICT),
        ("POST", "/api/v1/models/{name}/predict", guide.predict_by, docs.PREDICT_BY),
        ("POST", f"{one}/infer", v2.infer, docs.INFER),
        ("POST", "/api/v1/predict/batch", guide.predict_batch, docs.PREDICT_BATCH),
        ("GET", "/health/live", probes.live, docs.LIVE),
        ("GET", "/health/ready", probes.ready, docs.READY),
        ("GET", "/metrics", probes.metrics, docs.METRICS),
        ("GET", "/api/v1/models", guide.models, docs.MODELS),
        ("GET", "/api/v1/models/{name}/info", guide.info, docs.INFO),
        ("GET", "/api/v1/health", guide.health, docs.HEALTH),
        ("GET", "/v2", v2.server, docs.V2_SERVER),
        ("GET", "/v2/health/live", v2.live, docs.V2_LIVE),
        ("GET", "/v2/health/ready", v2.ready, docs.V2_READY),
        ("GET", one, v2.model, docs.V2_MODEL),
        ("GET", versioned, v2.model, docs.V2_MODEL_VERSION),
        ("GET", f"{one}/ready", v2.model_ready, docs.V2_MODEL),
        ("GET", f"{versioned}/ready", v2.model_ready, docs.V2_MODEL_VERSION),
        ("POST", f"{versioned}/infer", v2.infer, docs.INFER_VERSION),
    ]

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loader = Loader(settings, registry, metrics)
        threading.Thread(target=load, args=(loader,), name="loader", daemon=True).start()
        yield
        for model in registry.states.values():
            if model is not None:
                model.batcher.close()

    def load(loader: Loader) -> None:
        try:
            loader.load_all()
        except Exception as error:
            lifecycle.failure = error
            on_failure()

    app = _App(
        title="Transit inference server",
        description=docs.DESCRIPTION,
        version=_version(),
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry=None if _traced() else _UNTRACED,
    )
    for method, path, endpoint, documentation in table:
        route = DocumentedRoute(
            path, endpoint, lifecycle=lifecycle, methods=[method], **documentation
        )
        app.router.routes.append(route)

    async def not_found(request: Request, error: Exception) -> Response:
        return reply_to(error, request.url.path)

    app.add_exception_handler(HTTPException, not_found)
    return app


def _traced() -> bool:
    """Whether the standard variables of OpenTelemetry ask for it; FastAPI does the rest."""
    return any(name.startswith("OTEL_EXPORTER_OTLP") for name in os.environ)


def _version() -> str:
    try:
        return version("transit")
    except PackageNotFoundError:
        return "unknown"
