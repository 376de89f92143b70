"""Parts of Gateway API's own schema, for what an HTTPRoute is handed on as it stands in a spec.

`gateway_api.yaml` is made by `make gateway-schema`; it is read only when the CRD is generated.
Neighbour: `traffic` has the fields.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("gateway_api.yaml")
Schema = dict[str, Any]


def field(name: str, change: Callable[[Schema], None] | None = None) -> Callable[[Schema], None]:
    """Return what gives a field of the spec the schema of a rule's field of that name.

    `change` may restrict it. In memory the field stays a plain map or list. The description is
    ours.
    """

    def replace(schema: Schema) -> None:
        found: Schema = yaml.safe_load(FILE.read_text())[name]
        if change is not None:
            change(found)
        described = schema["description"]
        schema.clear()
        schema |= found | {"description": described}

    return replace
