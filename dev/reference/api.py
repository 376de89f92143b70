"""`docs/reference/server-api.md`: the server's API, of its OpenAPI document.

A running server's document is exact for its models; this one is of a server with one model that has
not been loaded, so it has what all servers share.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from transit_server.app import create_app
from transit_server.settings import Settings

from .words import cell, head, row, table

ABOUT = (
    "A server's own document, with its models and features, is at `/openapi.json`, for reading at"
    " `/docs`. With examples that run: [the inference server](server.md)."
)


def _document() -> dict[str, Any]:
    """Return the OpenAPI document of a server that has loaded nothing."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.from_environment(
            {
                "TRANSIT_MODELS": '[{"name": "kepler", "version": "1.0.0"}]',
                "TRANSIT_STORAGE_URI": Path(folder).as_uri(),
                "TRANSIT_CACHE_DIR": folder,
            }
        )
        made: dict[str, Any] = create_app(settings).app.openapi()
    return made


def text() -> str:
    """Return the page."""
    openapi = _document()
    operations = (
        _operation(path, method, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
        if method != "head"
    )
    about = f"{ABOUT}\n\n{openapi['info']['description']}"
    return head("The server's API", "the server's OpenAPI document", about) + "".join(operations)


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    words = [operation.get("summary", ""), operation.get("description", "")]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return "\n".join(
        [
            f"\n## {method.upper()} {path}\n",
            *(f"{word}\n" for word in words if word),
            *_fields(body.get("schema", {})),
            *_example("Request", body.get("example")),
            *_responses(operation["responses"]),
        ]
    )


def _fields(schema: dict[str, Any]) -> list[str]:
    properties = schema.get("properties", {})
    if not properties:
        return []
    rows = (
        row(
            f"`{name}`",
            _type(one) + (", required" if name in schema.get("required", ()) else ""),
            cell(one.get("description", "")),
        )
        for name, one in properties.items()
    )
    return [table("Field", "Type", "Meaning") + "".join(rows)]


def _type(schema: dict[str, Any]) -> str:
    either = schema.get("anyOf") or schema.get("oneOf")
    if either:
        return " or ".join(_type(one) for one in either)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("type", "anything")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _example(title: str, example: object) -> list[str]:
    if example is None:
        return []
    return [f"{title}:\n\n```json\n{json.dumps(example, indent=1)}\n```\n"]


def _responses(responses: dict[str, Any]) -> list[str]:
    answer: dict[str, Any] = next(
        (one for status, one in responses.items() if str(status) == "200"), {}
    )
    example = answer.get("content", {}).get("application/json", {}).get("example")
    rows = (row(f"{status}", cell(one["description"])) for status, one in responses.items())
    return [*_example("Answer", example), table("Status", "Meaning") + "".join(rows)]
