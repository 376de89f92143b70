"""What of an HTTPRoute's rule a ModelDeployment hands on: its schema, out of Gateway API's own CRD.

`python3 -m dev.gateway_schema` (`make gateway-schema`) writes it anew for the version in
`dev.cluster.versions`; a look at the diff is the review. Descriptions are cut to their first
sentence. `transit_operator.api.traffic` puts the parts into the CRD.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from .cluster import paths, versions
from .cluster.programs import gosources

FILE = paths.REPOSITORY / "operator" / "transit_operator" / "api" / "gateway_api.yaml"

# field of a rule → the channel that has it
FIELDS = {
    "matches": "standard",
    "filters": "standard",
    "timeouts": "standard",
    "retry": "experimental",
    "sessionPersistence": "experimental",
}
_ROUTES = "gateway.networking.k8s.io_httproutes.yaml"
_VERSION = versions.GATEWAY_API
_HEAD = f"""\
# Of Gateway API's CRD of HTTPRoutes, version {_VERSION}. Do not edit: `make gateway-schema`.
# Apache License 2.0, The Kubernetes Authors: https://github.com/kubernetes-sigs/gateway-api
"""


def extract(crds: Path) -> dict[str, Any]:
    """Return the schema of each field, out of a folder with one folder for each channel."""
    return {name: _short(_rule(crds / channel)[name]) for name, channel in FIELDS.items()}


def _rule(channel: Path) -> dict[str, Any]:
    definition = yaml.safe_load((channel / _ROUTES).read_text())
    (schema,) = (
        version["schema"]["openAPIV3Schema"]
        for version in definition["spec"]["versions"]
        if version["name"] == "v1"
    )
    rules: dict[str, Any] = schema["properties"]["spec"]["properties"]["rules"]["items"]
    properties: dict[str, Any] = rules["properties"]
    return properties


def _short(node: Any) -> Any:
    if isinstance(node, list):
        return [_short(item) for item in node]
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {
        key: _sentence(value) if key == "description" and isinstance(value, str) else _short(value)
        for key, value in node.items()
    }
    for name, field in found.get("properties", {}).items():
        if isinstance(field, dict):  # two have no words of their own
            field.setdefault("description", f"The {name}.")
    return found


def _sentence(text: str) -> str:
    """Return the first sentence, on one line."""
    first = re.split(r"(?<=[^.]\.)\s|\n\n", text.strip(), maxsplit=1)[0]
    return " ".join(first.split()).rstrip(":.") + "."


def main() -> None:
    """Write the file."""
    crds = gosources.gateway_api() / "config" / "crd"
    FILE.write_text(_HEAD + yaml.safe_dump(extract(crds), sort_keys=False, width=100))
    print(FILE.relative_to(Path.cwd()))


if __name__ == "__main__":
    main()
