"""The application: everything wired together once, and the table of all routes."""

import asyncio
import math
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from transit_server.api.catalog import Catalog
from transit_server.api.experiment import Splitter
from transit_server.api.feedback import Feedback
from transit_server.api.feedback_tokens import signer
from transit_server.api.guide import GuideApi
from transit_server.api.openinference import OpenInferenceApi
from transit_server.http import access_log, docs
from transit_server.http.api_keys import configured
from transit_server.http.body_limits import Bodies
from transit_server.http.disconnects import Disconnects
from transit_server.http.document import Guarded, adapted
from transit_server.http.endpoint import DocumentedRoute, Shared
from transit_server.http.gate import Gate
from transit_server.http.guide_routes import GuideRoutes
from transit_server.http.openinference_routes import OpenInferenceRoutes
from transit_server.http.probe_routes import ProbeRoutes
from transit_server.http.problems import reply_to
from transit_server.http.request import request_id
from transit_server.observability import tracing
from transit_server.observability.metrics import Metrics
from transit_server.observability.tracing import Tracing
from transit_server.runtime.deadlines import Deadlines
from transit_server.runtime.lifecycle import Lifecycle
from transit_server.serving import hang_watch
from transit_server.serving.inference import Inference
from transit_server.serving.loading import Loader
from transit_server.serving.quarantine import Quarantine
from transit_server.serving.registry import Registry
from transit_server.settings import Settings

# Kubernetes and Prometheus have no key, and ask all the time.
_PROBES = {
    "/health/live",
    "/health/ready",
    "/metrics",
    "/api/v1/health",
    "/v2/health/live",
    "/v2/health/ready",
}
_UNTRACED: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


class _App(FastAPI):
    """FastAPI with only the layer that answers unknown paths.

    The others are for what `Endpoint` does itself or what is not used here (cookies, uploads,
    dependencies), and take a fifth of the time of a whole request.
    """

    document: Callable[[dict[str, Any]], dict[str, Any]]
    direct: dict[tuple[str, str], ASGIApp]

    def openapi(self) -> dict[str, Any]:
        return self.document(super().openapi())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Paths without parameters go straight to their endpoint: `Router` would try one route
        after the other, and wrap each in a layer that catches what `Endpoint` has caught.
        """
        if scope["type"] == "http":
            endpoint = self.direct.get((scope["method"], scope["path"]))
            if endpoint is not None:
                await endpoint(scope, receive, send)
                return
        await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        return ExceptionMiddleware(self.router, handlers=dict(self.exception_handlers))


def create_app(
    settings: Settings,
    lifecycle: Lifecycle | None = None,
    on_failure: Callable[[], None] = lambda: None,
) -> FastAPI:
    """The server's application; it begins to load its models when it is started.

    Raises `BadKeys`, `BadFeedbackKey`. When a model can't be served, or hangs, `lifecycle.failure`
    says why, and `on_failure` is called, maybe on the loading thread.
    """
    lifecycle = lifecycle or Lifecycle()
    metrics = Metrics(settings.model_deployment, settings.revision)
    experiment = settings.experiment
    registry = Registry(settings.models, settings.default, experiment.ref if experiment else None)
    splitter = Splitter(experiment, registry) if experiment else None
    unit_header = splitter.header if splitter else b""
    spans = _tracing(settings)
    deadlines = Deadlines()
    quarantine = Quarantine(settings.cache_dir / "hung-rows.json", settings.quarantine)
    inference = Inference(settings.request_timeout, deadlines, quarantine, spans)
    catalog = Catalog(
        registry,
        lifecycle,
        settings.model_deployment,
        settings.revision,
        experiment,
    )
    signing = signer(
        settings.feedback_key_file,
        settings.model_deployment,
        settings.revision,
        settings.feedback_days,
    )
    shared = (registry, inference, settings.revision, settings.max_batch_rows, splitter, signing)
    bodies = Bodies(settings.max_body, settings.max_bodies, settings.request_timeout, deadlines)
    feedback = Feedback(registry, metrics.feedback, settings.revision, signing)
    guide = GuideRoutes(GuideApi(*shared), catalog, bodies, feedback, unit_header)
    v2 = OpenInferenceRoutes(OpenInferenceApi(*shared), catalog, bodies, _version(), unit_header)
    probes = ProbeRoutes(catalog, metrics)

    one, versioned = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"
    table = [
        # The paths that are asked most come first: they are tried in this order.
        ("POST", "/api/v1/predict", guide.predict, docs.PREDICT),
        ("POST", "/api/v1/models/{name}/predict", guide.predict_by, docs.PREDICT_BY),
        ("POST", f"{one}/infer", v2.infer, docs.INFER),
        ("POST", "/api/v1/predict/batch", guide.predict_batch, docs.PREDICT_BATCH),
        ("POST", "/api/v1/feedback", guide.feedback, docs.FEEDBACK),
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

    keys, key_file = configured(settings.api_keys, settings.api_keys_file)
    gate = None
    if keys is not None or settings.rate_limit:
        burst = settings.rate_burst or max(1, math.ceil(settings.rate_limit))
        gate = Gate(keys, settings.rate_limit, burst, metrics)
    log_from = access_log.FROM_STATUS[settings.access_log]
    given = Shared(lifecycle, settings.revision, log_from, Disconnects(), gate, spans)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loader = Loader(settings, registry, metrics)
        threading.Thread(target=load, args=(loader,), name="loader", daemon=True).start()
        hangs = hang_watch.watch(registry, settings.hangs_after, quarantine, ended)
        watching = [asyncio.create_task(hangs)]
        if key_file is not None:
            watching.append(asyncio.create_task(key_file.watch()))
        yield
        for task in watching:
            task.cancel()
        if spans is not None:
            await asyncio.to_thread(spans.close)
        for _ref, model in registry.every():
            if model is not None:
                model.batcher.close()

    def load(loader: Loader) -> None:
        try:
            loader.load_all()
        except Exception as error:
            ended(error)

    def ended(error: Exception) -> None:
        lifecycle.failure = error
        on_failure()

    def document(general: dict[str, Any]) -> dict[str, Any]:
        guarded = Guarded(_PROBES, keys is not None, settings.rate_limit > 0)
        return adapted(general, registry, guarded, settings.max_batch_rows)

    app = _App(
        title="Transit inference server",
        description=docs.DESCRIPTION,
        version=_version(),
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry=_UNTRACED,
    )
    app.document = document
    app.direct = {}
    for method, path, endpoint, documentation in table:
        route = DocumentedRoute(
            path,
            endpoint,
            shared=given,
            probe=path in _PROBES,
            methods=[method],
            **documentation,
        )
        app.router.routes.append(route)
        if "{" not in path:
            app.direct[method, path] = route.app

    async def not_found(request: Request, error: Exception) -> Response:
        reply = reply_to(error, request.url.path)
        reply.raw_headers.append((b"x-request-id", request_id(request.scope).encode()))
        return reply

    app.add_exception_handler(HTTPException, not_found)
    return app


def _tracing(settings: Settings) -> Tracing | None:
    if not tracing.wanted(os.environ):
        return None
    return tracing.start(os.environ, _version(), settings.model_deployment, settings.revision)


def _version() -> str:
    try:
        return version("transit")
    except PackageNotFoundError:
        return "unknown"
