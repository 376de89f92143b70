"""The paths of the Open Inference Protocol v2; what they mean is in `api.openinference`."""

import msgspec
from starlette.responses import Response

from transit_server.api.catalog import Catalog
from transit_server.api.feedback_tokens import Recipient
from transit_server.api.v2.openinference import InferCall, OpenInferenceApi
from transit_server.errors import NotReady
from transit_server.http.replies import Reply
from transit_server.http.request import HttpRequest
from transit_server.http.wire.body_limits import Bodies

_JSON_SIZE = b"inference-header-content-length"
_BINARY = b"application/octet-stream"


class OpenInferenceRoutes:
    """Endpoints under /v2."""

    def __init__(
        self,
        api: OpenInferenceApi,
        catalog: Catalog,
        bodies: Bodies,
        version: str,
        unit_header: bytes,
    ) -> None:
        self._unit_header = unit_header
        self._version = version
        self._api = api
        self._catalog = catalog
        self._bodies = bodies

    async def live(self, request: HttpRequest) -> Response:
        """The server is alive."""
        return Reply(b'{"live":true}')

    async def ready(self, request: HttpRequest) -> Response:
        """Every model is ready."""
        why = self._catalog.not_ready_because()
        if why is not None:
            raise NotReady(why)
        return Reply(b'{"ready":true}')

    async def server(self, request: HttpRequest) -> Response:
        """The server's name, version and extensions."""
        return Reply(msgspec.json.encode(self._api.server(self._version)))

    async def model(self, request: HttpRequest) -> Response:
        """A model's inputs and outputs."""
        answer = self._api.model(request.path_params["name"], request.path_params.get("version"))
        return Reply(msgspec.json.encode(answer))

    async def model_ready(self, request: HttpRequest) -> Response:
        """Whether a model is ready."""
        name = request.path_params["name"]
        self._api.ready(name, request.path_params.get("version"))
        return Reply(msgspec.json.encode({"name": name, "ready": True}))

    async def infer(self, request: HttpRequest) -> Response:
        """Predict rows; tensors as JSON or, by the binary extension, behind it."""
        body = await self._bodies.read(request)
        infer = InferCall(
            request.arrived,
            request.request_id,
            request.charge,
            request.path_params["name"],
            request.path_params.get("version"),
            Recipient(request.serial, request.client_name),
            request.unit(self._unit_header),
            request.integer_header(_JSON_SIZE),
        )
        answer = await self._api.infer(body, infer)
        request.model, request.version = answer.model, answer.version
        if answer.tensors is None:
            return Reply(answer.header)
        reply = Reply(answer.header + answer.tensors, content_type=_BINARY)
        reply.raw_headers.append((_JSON_SIZE, b"%d" % len(answer.header)))
        return reply
