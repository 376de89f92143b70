"""The guide's paths: bodies and statuses; what they mean is in `api.guide`."""

import msgspec
from starlette.responses import Response

from transit_server.api import guide
from transit_server.api import guide_answers as answers
from transit_server.api.catalog import Catalog
from transit_server.api.feedback import Feedback
from transit_server.api.feedback_tokens import Recipient
from transit_server.http.replies import Reply
from transit_server.http.request import HttpRequest
from transit_server.http.wire.body_limits import Bodies

_ENCODER = msgspec.json.Encoder()


class GuideRoutes:
    """Endpoints under /api/v1."""

    def __init__(
        self,
        api: guide.GuideApi,
        catalog: Catalog,
        bodies: Bodies,
        feedback: Feedback,
        unit_header: bytes,
    ) -> None:
        self._unit_header = unit_header
        self._feedback = feedback
        self._api = api
        self._catalog = catalog
        self._bodies = bodies

    async def predict(self, request: HttpRequest) -> Response:
        """Predict one row, with one model or all of them."""
        body = await self._bodies.read(request)
        answer = await self._api.predict(body, self._known(request))
        return _predicted(request, answer)

    async def predict_by(self, request: HttpRequest) -> Response:
        """Predict one row with the model of the path."""
        body = await self._bodies.read(request)
        name = request.path_params["name"]
        answer = await self._api.predict(body, self._known(request, name))
        return _predicted(request, answer)

    async def predict_batch(self, request: HttpRequest) -> Response:
        """Predict many rows. Status 207 when some of them failed."""
        body = await self._bodies.read(request)
        answer = await self._api.predict_batch(body, self._known(request))
        return _predicted(request, answer, 207 if answer.failed else 200)

    async def feedback(self, request: HttpRequest) -> Response:
        """Tell what the right answer to an earlier prediction was."""
        body = await self._bodies.few(request)
        return _json(self._feedback.take(body, request.client_name))

    async def models(self, request: HttpRequest) -> Response:
        """The models this server has, and which of them answers for `auto`."""
        return _json(self._catalog.models())

    async def info(self, request: HttpRequest) -> Response:
        """One model: its metadata, labels, and how it is run."""
        return _json(self._catalog.info(request.path_params["name"]))

    async def health(self, request: HttpRequest) -> Response:
        """Whether the server is ready, model by model."""
        health = self._catalog.health()
        return _json(health, 200 if health["status"] == "healthy" else 503)

    def _known(self, request: HttpRequest, model: str | None = None) -> guide.PredictCall:
        to = Recipient(request.serial, request.client_name)
        unit = request.unit(self._unit_header)
        return guide.PredictCall(
            request.arrived, request.request_id, request.charge, to, model, unit
        )


def _predicted(
    request: HttpRequest,
    answer: answers.OneAnswer | answers.BatchAnswer,
    status: int = 200,
) -> Reply:
    request.model, request.version = answer.model.name, answer.model.version
    return Reply(_ENCODER.encode(answer), status)


def _json(answer: object, status: int = 200) -> Reply:
    return Reply(_ENCODER.encode(answer), status)
