"""What Helm makes of the chart: rendered here as objects, without a cluster."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from dev.cluster.paths import REPOSITORY
from dev.cluster.programs import gobuild

CHART = REPOSITORY / "charts" / "transit"
Object = dict[str, Any]
ALL_ON: Object = {
    "config": {"namespaces": ["ml", "vision"]},
    "podMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
    "dashboard": {"enabled": True},
    "networkPolicy": {"enabled": True, "servers": {"namespaces": ["ml", "vision"]}},
}


class Refused(Exception):
    """Helm did not take the values; its words."""


def run(*arguments: object, stdin: str = "") -> str:
    """Run helm; what it prints. Raises: Refused."""
    built = gobuild.PROGRAMS["helm"].path
    program = built if built.exists() else shutil.which("helm")
    if program is None:
        pytest.fail("there is no helm: python3 -m dev.cluster build helm")
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr)
    return done.stdout


def text(
    values: Mapping[str, Any] | None = None,
    *arguments: str,
    release: str = "transit",
    namespace: str = "transit-system",
) -> str:
    """The chart with these values, as YAML."""
    given = json.dumps(values or {})
    return run("template", release, CHART, "-n", namespace, "-f", "-", *arguments, stdin=given)


def render(
    values: Mapping[str, Any] | None = None,
    *arguments: str,
    release: str = "transit",
    namespace: str = "transit-system",
) -> list[Object]:
    """The chart with these values, as objects."""
    made = text(values, *arguments, release=release, namespace=namespace)
    return [one for one in yaml.load_all(made, yaml.CSafeLoader) if one]


def nested(name: str, value: Any) -> Object:
    """`image.tag` and a value as values of a chart."""
    for key in reversed(name.split(".")):
        value = {key: value}
    found: Object = value
    return found


def joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> Object:
    """Two sets of values; where both say something, the second."""
    result = dict(one)
    for key, value in other.items():
        mine = result.get(key)
        both = isinstance(mine, dict) and isinstance(value, dict)
        result[key] = joined(mine, value) if both and mine is not None else value
    return result


def found(objects: list[Object], kind: str, name: str = "") -> Object:
    """The one object of a kind, of this name if one is given."""
    (one,) = [o for o in objects if o["kind"] == kind and name in ("", o["metadata"]["name"])]
    return one


def kinds(objects: list[Object]) -> list[str]:
    """Every object as `Kind namespace/name`, sorted."""
    return sorted(
        f"{o['kind']} {o['metadata'].get('namespace', '')}/{o['metadata']['name']}" for o in objects
    )


def pod(objects: list[Object], of: str = "operator") -> Object:
    """The pod template of the operator, or of the dashboard."""
    (one,) = [
        o for o in objects if o["kind"] == "Deployment" and o["metadata"]["name"].endswith(f"-{of}")
    ]
    template: Object = one["spec"]["template"]
    return template


def container(objects: list[Object], of: str = "operator") -> Object:
    """The operator's container, or the dashboard's."""
    (one,) = pod(objects, of)["spec"]["containers"]
    result: Object = one
    return result


def config(objects: list[Object]) -> Object:
    """The operator's configuration, as it would read it."""
    data = found(objects, "ConfigMap", "transit-operator")["data"]
    result: Object = yaml.safe_load(data["config.yaml"])
    return result
