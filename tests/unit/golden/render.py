"""Every object that one ModelDeployment makes, as YAML: what the golden pairs hold.

`python -m tests.unit.golden.render` (`make golden`) writes `output/` anew from `input/`; a look at
the diff is the review. Neighbours: `tests.unit.cluster`, in which the operator's own code makes the
objects; `test_golden` compares; `tests/api/test_golden.py` has a real API server look at the
outputs. README.md says what an input is.
"""

import base64
from pathlib import Path
from typing import Any

import yaml

from tests.unit.cluster import Cluster
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.core.objects.build import Object

HERE = Path(__file__).parent
# What an API server adds, not Transit.
ADDED = ("uid", "creationTimestamp", "generation", "resourceVersion")


def cases() -> list[str]:
    """Return the names of the pairs."""
    return sorted(file.stem for file in (HERE / "input").glob("*.yaml"))


def output(case: str) -> Path:
    """Return the file that a pair's objects are kept in."""
    return HERE / "output" / f"{case}.yaml"


def render(case: str) -> str:
    """Return all objects of an input as they stand, in the order in which each was made."""
    given: dict[str, Any] = yaml.safe_load((HERE / "input" / f"{case}.yaml").read_text())
    resource = given["modelDeployment"]
    resource["metadata"]["uid"] = "uid-1"
    cluster = Cluster(resource, OperatorConfig.model_validate(given.get("config") or {}))
    if given.get("unanswered"):
        cluster.storage = None
    if "stable" in given:
        cluster.apply(resource["spec"] | given["stable"])
        cluster.run(until={"phase": "Stable"})
    cluster.apply(resource["spec"])
    cluster.run(until=given.get("until") or {})
    made = [_as_asked(obj) for obj in cluster.api.objects.values()]
    return yaml.safe_dump_all(made, sort_keys=False, width=100)


def _as_asked(obj: Object) -> Object:
    meta = {key: value for key, value in obj["metadata"].items() if key not in ADDED}
    asked = {key: value for key, value in (obj | {"metadata": meta}).items() if key != "status"}
    if obj["kind"] == "Secret":  # which is random each time
        asked["data"] = {key: base64.b64encode(bytes(32)).decode() for key in obj["data"]}
    return asked


def main() -> None:
    """Write every output anew, and remove those without an input."""
    for file in (HERE / "output").glob("*.yaml"):
        if file.stem not in cases():
            file.unlink()
    for case in cases():
        output(case).write_text(render(case))
        print(output(case).relative_to(Path.cwd()))


if __name__ == "__main__":
    main()
