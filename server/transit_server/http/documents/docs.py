"""The OpenAPI document's part of each route: what goes in, what comes out, with examples.

Requests are decoded by msgspec, not by these schemas; the tests hold the one against the other.
"""

from typing import Any

from transit_server.http.documents import schemas

DESCRIPTION = (
    "Serves the models of one revision of a ModelDeployment. Every answer names model, version and "
    "revision, and echoes `X-Request-ID`. Errors are `{error: {code, message, field}}`, under /v2 "
    "`{error: message}`."
)

_PREDICTION, _MODELS, _OPERATION, _V2 = (
    "prediction",
    "models",
    "operation",
    "open inference protocol v2",
)


def _body(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def _answer(
    schema: dict[str, Any], example: object, description: str = "The answer"
) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def _errors(*statuses: int, v2: bool = False) -> dict[int | str, dict[str, Any]]:
    schema = schemas.V2_ERROR if v2 else schemas.ERROR
    example = schemas.V2_ERROR_EXAMPLE if v2 else schemas.ERROR_EXAMPLE
    return {status: _answer(schema, example, _MEANING[status]) for status in statuses}


_MEANING = {
    400: "The body can't be read",
    401: "No API key, or an unknown one",
    403: "The prediction was another client's",
    404: "No such model here",
    408: "The body did not arrive in time",
    413: "The body is too large",
    415: "Packed with an unknown Content-Encoding",
    422: "A value in the body is wrong",
    429: "Too many requests: try again after `Retry-After` seconds",
    500: "The model failed on the input",
    501: "This server has no key for feedback",
    503: "Not ready, or too much to do: try again after `Retry-After` seconds",
    504: "The model took too long",
}
_ALL = (400, 404, 408, 413, 415, 422, 500, 503, 504)


def refusals(status: int, *, v2: bool) -> dict[str, dict[str, Any]]:
    """The answer of a gate that lets nobody through, for `document`."""
    return {str(key): value for key, value in _errors(status, v2=v2).items()}


def _path(*names: str) -> dict[str, Any]:
    return {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ]
    }


PREDICT: dict[str, Any] = {
    "tags": [_PREDICTION],
    "responses": {
        200: _answer(
            {
                "anyOf": [
                    schemas.PREDICT_ANSWER,
                    schemas.VALUE_ANSWER,
                    schemas.LABEL_ANSWER,
                    schemas.COMPARISON_ANSWER,
                ]
            },
            schemas.PREDICT_ANSWER_EXAMPLE,
            "The prediction; with return_all_models the comparison of all models",
        ),
        **_errors(*_ALL),
    },
    "openapi_extra": _body(schemas.PREDICT, schemas.PREDICT_EXAMPLE),
}
PREDICT_BY: dict[str, Any] = {
    "tags": [_PREDICTION],
    "responses": {
        200: _answer(
            {"anyOf": [schemas.PREDICT_ANSWER, schemas.VALUE_ANSWER, schemas.LABEL_ANSWER]},
            schemas.PREDICT_ANSWER_EXAMPLE,
        ),
        **_errors(*_ALL),
    },
    "openapi_extra": {**_body(schemas.PREDICT_BY, schemas.PREDICT_BY_EXAMPLE), **_path("name")},
}
PREDICT_BATCH: dict[str, Any] = {
    "tags": [_PREDICTION],
    "responses": {
        200: _answer(schemas.BATCH_ANSWER, schemas.BATCH_ANSWER_EXAMPLE),
        207: _answer(
            schemas.BATCH_ANSWER, schemas.BATCH_ANSWER_EXAMPLE, "Some rows have an error instead"
        ),
        **_errors(*_ALL),
    },
    "openapi_extra": _body(schemas.BATCH, schemas.BATCH_EXAMPLE),
}
FEEDBACK: dict[str, Any] = {
    "tags": [_PREDICTION],
    "responses": {
        200: _answer(schemas.FEEDBACK_ANSWER, schemas.FEEDBACK_ANSWER_EXAMPLE),
        **_errors(400, 403, 408, 413, 415, 422, 501, 503),
    },
    "openapi_extra": _body(schemas.FEEDBACK, schemas.FEEDBACK_EXAMPLE),
}
MODELS: dict[str, Any] = {
    "tags": [_MODELS],
    "responses": {200: _answer(schemas.OBJECT, schemas.MODELS_EXAMPLE)},
}
INFO: dict[str, Any] = {
    "tags": [_MODELS],
    "responses": {200: _answer(schemas.OBJECT, schemas.INFO_EXAMPLE), **_errors(404, 503)},
    "openapi_extra": _path("name"),
}
HEALTH: dict[str, Any] = {
    "tags": [_OPERATION],
    "responses": {
        200: _answer(schemas.OBJECT, {"status": "healthy", **schemas.MODELS_EXAMPLE}),
        503: _answer(schemas.OBJECT, {"status": "unhealthy", "reason": "draining"}),
    },
}

V2_SERVER: dict[str, Any] = {
    "tags": [_V2],
    "responses": {200: _answer(schemas.OBJECT, schemas.V2_SERVER_EXAMPLE)},
}
V2_LIVE: dict[str, Any] = {
    "tags": [_V2],
    "responses": {200: _answer(schemas.OBJECT, {"live": True})},
}
V2_READY: dict[str, Any] = {
    "tags": [_V2],
    "responses": {200: _answer(schemas.OBJECT, {"ready": True}), **_errors(503, v2=True)},
}
V2_MODEL: dict[str, Any] = {
    "tags": [_V2],
    "responses": {200: _answer(schemas.OBJECT, {}), **_errors(404, 503, v2=True)},
    "openapi_extra": _path("name"),
}
V2_MODEL_VERSION: dict[str, Any] = {**V2_MODEL, "openapi_extra": _path("name", "version")}
INFER: dict[str, Any] = {
    "tags": [_V2],
    "responses": {
        200: _answer(schemas.INFER_ANSWER, schemas.INFER_ANSWER_EXAMPLE),
        **_errors(*_ALL, v2=True),
    },
    "openapi_extra": {**_body(schemas.INFER, schemas.INFER_EXAMPLE), **_path("name")},
}
INFER_VERSION: dict[str, Any] = {
    **INFER,
    "openapi_extra": {**_body(schemas.INFER, schemas.INFER_EXAMPLE), **_path("name", "version")},
}
