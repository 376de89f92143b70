"""The guide's paths: bodies and statuses; what they mean is in `api.guide`."""

import msgspec
from starlette.responses import Response

from transit_server.api import guide
from transit_server.api.catalog import Catalog
from transit_server.http.endpoint import Call
from transit_server.http.replies import Reply

_SINGLE_ROW = 2**20
_ENCODER = msgspec.json.Encoder()


class GuideRoutes:
    """Endpoints under /api/v1."""

    def __init__(self, api: guide.GuideApi, catalog: Catalog, max_body: int) -> None:
        self._api = api
        self._catalog = catalog
        self._max_body = max_body
        self._max_single = min(max_body, _SINGLE_ROW)

    async def predict(self, call: Call) -> Response:
        """Predict one row, with one model or all of them."""
        body = await call.read(self._max_single)
        return _json(await self._api.predict(body, guide.Call(call.started, call.request_id)))

    async def predict_by(self, call: Call) -> Response:
        """Predict one row with the model of the path."""
        body = await call.read(self._max_single)
        name = call.path_params["name"]
        return _json(await self._api.predict(body, guide.Call(call.started, call.request_id, name)))

    async def predict_batch(self, call: Call) -> Response:
        """Predict many rows. Status 207 when some of them failed."""
        body = await call.read(self._max_body)
        answer = await self._api.predict_batch(body, guide.Call(call.started, call.request_id))
        return _json(answer, 207 if answer.failed else 200)

    async def models(self, call: Call) -> Response:
        """The models this server has, and which of them answers for `auto`."""
        return _json(self._catalog.models())

    async def info(self, call: Call) -> Response:
        """One model: its metadata, labels, and how it is run."""
        return _json(self._catalog.info(call.path_params["name"]))

    async def health(self, call: Call) -> Response:
        """Whether the server is ready, model by model."""
        health = self._catalog.health()
        return _json(health, 200 if health["status"] == "healthy" else 503)


def _json(answer: object, status: int = 200) -> Reply:
    return Reply(_ENCODER.encode(answer), status)
