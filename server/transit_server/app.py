"""The application: everything wired together once, and the table of all routes."""

import asyncio
import math
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from transit_server.api import golden
from transit_server.api.catalog import Catalog
from transit_server.api.experiment import Splitter
from transit_server.api.feedback import Feedback
from transit_server.api.feedback_tokens import signer
from transit_server.api.guide import GuideApi
from transit_server.api.v2.openinference import OpenInferenceApi
from transit_server.http.access import access_log
from transit_server.http.access.api_keys import configured
from transit_server.http.access.gate import Gate
from transit_server.http.application import Application
from transit_server.http.documents import docs
from transit_server.http.documents.document import Guarded, adapted
from transit_server.http.documents.document_routes import DocumentRoutes
from transit_server.http.endpoint import DocumentedRoute, Shared
from transit_server.http.guide_routes import GuideRoutes
from transit_server.http.openinference_routes import OpenInferenceRoutes
from transit_server.http.probes import Probes
from transit_server.http.problems import reply_to
from transit_server.http.request import request_id
from transit_server.http.wire.body_limits import Bodies
from transit_server.observability import tracing
from transit_server.observability.http_requests import HttpRequests
from transit_server.observability.metrics import Metrics
from transit_server.observability.tracing import Tracing
from transit_server.prediction_log.log import PredictionLog
from transit_server.runtime.deadlines import Deadlines
from transit_server.runtime.heartbeat import Heartbeat
from transit_server.runtime.lifecycle import Lifecycle
from transit_server.serving.guarding import hang_watch
from transit_server.serving.guarding.quarantine import Quarantine
from transit_server.serving.inference import Inference, Predicting
from transit_server.serving.registry import Registry
from transit_server.serving.starting.loading import Loader
from transit_server.settings import Settings

if TYPE_CHECKING:
    from transit_server.serving.remembering import Remembering

# What asks these has no key, or asks all the time.
_OPEN_TO_ALL = {
    "/health",
    "/api/v1/health",
    "/v2/health/live",
    "/v2/health/ready",
    "/openapi.json",
    "/docs",
    "/docs/{file}",
}
_LAST_LINES = 4.0  # seconds: behind the last answers, little is left of a pod's grace
_UNLISTED: dict[str, Any] = {"include_in_schema": False}


@dataclass(frozen=True, slots=True)
class Served:
    """What the two listeners serve, and the counter of what neither of their routes has seen."""

    app: Application
    probes: Probes
    requests: HttpRequests


def create_app(
    settings: Settings,
    lifecycle: Lifecycle | None = None,
    on_failure: Callable[[], None] = lambda: None,
) -> Served:
    """The server's application; it begins to load its models when it is started.

    Raises `BadKeys`, `BadFeedbackKey`, and `InvalidReference` of the prediction log. When a model
    can't be served, or hangs, `lifecycle.failure` says why, and `on_failure` is called, maybe on
    the loading thread.
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
    prediction_log = None
    if settings.prediction_log is not None:
        told = (settings.prediction_log, settings.model_deployment, settings.revision)
        prediction_log = PredictionLog(*told, metrics.prediction_log())
    inference = Inference(settings.request_timeout, deadlines, quarantine, spans, prediction_log)
    remembering = _remembering(settings, inference, deadlines, metrics)
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
    predicting: Predicting = remembering or inference
    shared = (registry, predicting, settings.revision, settings.max_batch_rows, splitter, signing)
    bodies = Bodies(settings.max_body, settings.max_bodies, settings.request_timeout, deadlines)
    feedback = Feedback(registry, metrics.feedback, settings.revision, signing, prediction_log)
    guide = GuideRoutes(GuideApi(*shared), catalog, bodies, feedback, unit_header)
    v2 = OpenInferenceRoutes(OpenInferenceApi(*shared), catalog, bodies, _version(), unit_header)
    heartbeat = Heartbeat()

    def document(general: dict[str, Any]) -> dict[str, Any]:
        guarded = Guarded(_OPEN_TO_ALL, keys is not None, settings.rate_limit > 0)
        return adapted(general, registry, guarded, settings.max_batch_rows)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loader = Loader(settings, registry, metrics, golden.replay)
        threading.Thread(target=load, args=(loader,), name="loader", daemon=True).start()
        hangs = hang_watch.watch(registry, settings.hangs_after, quarantine, ended)
        running = [asyncio.create_task(hangs), asyncio.create_task(heartbeat.beat())]
        if key_file is not None:
            running.append(asyncio.create_task(key_file.watch()))
        if remembering is not None:
            running.append(asyncio.create_task(remembering.run()))
        yield
        for task in running:
            task.cancel()
        if prediction_log is not None:
            await asyncio.to_thread(prediction_log.close, _LAST_LINES)
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

    app = Application(
        document,
        title="Transit inference server",
        description=docs.DESCRIPTION,
        version=_version(),
        lifespan=lifespan,
    )
    described = DocumentRoutes(registry, app.title, app.openapi)
    one, versioned = "/v2/models/{name}", "/v2/models/{name}/versions/{version}"
    table = [
        ("POST", "/api/v1/predict", guide.predict, docs.PREDICT),
        ("POST", "/api/v1/models/{name}/predict", guide.predict_by, docs.PREDICT_BY),
        ("POST", f"{one}/infer", v2.infer, docs.INFER),
        ("POST", "/api/v1/predict/batch", guide.predict_batch, docs.PREDICT_BATCH),
        ("POST", "/api/v1/feedback", guide.feedback, docs.FEEDBACK),
        ("GET", "/api/v1/models", guide.models, docs.MODELS),
        ("GET", "/api/v1/models/{name}/info", guide.info, docs.INFO),
        ("GET", "/api/v1/health", guide.health, docs.HEALTH),
        ("GET", "/health", guide.health, docs.HEALTH),
        ("GET", "/v2", v2.server, docs.V2_SERVER),
        ("GET", "/v2/health/live", v2.live, docs.V2_LIVE),
        ("GET", "/v2/health/ready", v2.ready, docs.V2_READY),
        ("GET", one, v2.model, docs.V2_MODEL),
        ("GET", versioned, v2.model, docs.V2_MODEL_VERSION),
        ("GET", f"{one}/ready", v2.model_ready, docs.V2_MODEL),
        ("GET", f"{versioned}/ready", v2.model_ready, docs.V2_MODEL_VERSION),
        ("POST", f"{versioned}/infer", v2.infer, docs.INFER_VERSION),
        ("GET", "/openapi.json", described.document, _UNLISTED),
        ("GET", "/docs", described.page, _UNLISTED),
        ("GET", "/docs/{file}", described.asset, _UNLISTED),
    ]

    keys, key_file = configured(settings.api_keys, settings.api_keys_file)
    gate = None
    if keys is not None or settings.rate_limit:
        burst = settings.rate_burst or max(1, math.ceil(settings.rate_limit))
        gate = Gate(keys, settings.rate_limit, burst, metrics)
    log_from = access_log.FROM_STATUS[settings.access_log]
    requests = HttpRequests(settings.model_deployment, settings.revision)
    metrics.registry.register(requests)
    pages = settings.cors_origins if keys is None else None
    given = Shared(lifecycle, settings.revision, log_from, requests, gate, spans, pages)

    known = [{"name": ref.name, "version": ref.version} for ref, _ in registry.every()]
    for method, path, endpoint, documentation in table:
        route = DocumentedRoute(
            path,
            endpoint,
            shared=given,
            open_to_all=path in _OPEN_TO_ALL,
            methods=[method],
            **documentation,
        )
        app.add(route, known)
    requests.expect(path for _, path, _, _ in table)
    if settings.cors_origins:
        app.allow_origins(settings.cors_origins, [unit_header.decode()] if unit_header else [])

    async def not_found(request: Request, error: Exception) -> Response:
        name = request_id(request.scope)
        reply = reply_to(error, "/v2" if request.url.path.startswith("/v2") else "", name)
        reply.raw_headers.append((b"x-request-id", name.encode()))
        requests.refused(reply.status_code)
        return reply

    app.add_exception_handler(HTTPException, not_found)
    return Served(app, Probes(catalog, metrics, heartbeat), requests)


def _tracing(settings: Settings) -> Tracing | None:
    if not tracing.wanted(os.environ):
        return None
    return tracing.start(os.environ, _version(), settings.model_deployment, settings.revision)


def _remembering(
    settings: Settings, inference: Inference, deadlines: Deadlines, metrics: Metrics
) -> "Remembering | None":
    """Inference with the answer cache before it; its library is imported where there is one."""
    if settings.answer_cache is None:
        return None
    from transit_server.answer_cache.cache import AnswerCache, key_in
    from transit_server.answer_cache.entries import Program
    from transit_server.serving.remembering import Remembering

    key = key_in(settings.feedback_key_file)
    if key is None:
        return None
    program = Program(settings.model_deployment, settings.revision, _version())
    told = (settings.answer_cache, key, program, deadlines, metrics.answer_cache())
    return Remembering(inference, AnswerCache(*told))


def _version() -> str:
    try:
        return version("transit")
    except PackageNotFoundError:
        return "unknown"
