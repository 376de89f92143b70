"""The paths of the Open Inference Protocol v2; what they mean is in `api.openinference`."""

import msgspec
from starlette.responses import Response

from transit_server.api.catalog import Catalog
from transit_server.api.openinference import InferCall, OpenInferenceApi
from transit_server.errors import NotReady
from transit_server.http.bodies import Bodies
from transit_server.http.endpoint import Call
from transit_server.http.replies import Reply

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

    async def live(self, call: Call) -> Response:
        """The server is alive."""
        return Reply(b'{"live":true}')

    async def ready(self, call: Call) -> Response:
        """Every model is ready."""
        why = await self._catalog.server_not_ready_because()
        if why is not None:
            raise NotReady(why)
        return Reply(b'{"ready":true}')

    async def server(self, call: Call) -> Response:
        """The server's name, version and extensions."""
        return Reply(msgspec.json.encode(self._api.server(self._version)))

    async def model(self, call: Call) -> Response:
        """A model's inputs and outputs."""
        answer = self._api.model(call.path_params["name"], call.path_params.get("version"))
        return Reply(msgspec.json.encode(answer))

    async def model_ready(self, call: Call) -> Response:
        """Whether a model is ready."""
        answer = self._api.model(call.path_params["name"], call.path_params.get("version"))
        return Reply(msgspec.json.encode({"name": answer["name"], "ready": True}))

    async def infer(self, call: Call) -> Response:
        """Predict rows; tensors as JSON or, by the binary extension, behind it."""
        body = await self._bodies.any(call)
        infer = InferCall(
            call.started,
            call.path_params["name"],
            call.path_params.get("version"),
            call.unit(self._unit_header),
            call.integer_header(_JSON_SIZE),
        )
        answer = await self._api.infer(body, infer)
        call.model, call.version = answer.model, answer.version
        if answer.tensors is None:
            return Reply(answer.header)
        reply = Reply(answer.header + answer.tensors, content_type=_BINARY)
        reply.raw_headers.append((_JSON_SIZE, b"%d" % len(answer.header)))
        return reply
