"""Every object that one ModelDeployment makes, as YAML: what the golden pairs hold.

`python -m tests.unit.golden.render` (`make golden`) writes `output/` anew from `input/`; a look at
the diff is the review. Neighbours: `test_golden` compares, `tests/api/test_golden.py` has a real
API server look at the outputs. README.md says what an input is.
"""

from pathlib import Path
from typing import Any

import yaml

from transit_operator.api.config import OperatorConfig
from transit_operator.api.spec import ModelDeploymentSpec
from transit_operator.api.status import CandidateStatus, ModelDeploymentStatus
from transit_operator.core.objects import build
from transit_operator.core.objects.build import Object, Owner
from transit_operator.core.objects.checks import check_jobs
from transit_operator.core.objects.resolver import resolver_change, resolver_pod
from transit_operator.core.objects.revision import needs_resolving, wanted
from transit_operator.core.objects.template import pod_template
from transit_operator.routers import for_spec

HERE = Path(__file__).parent
NOW = "2026-11-26T12:00:00Z"


def cases() -> list[str]:
    """Return the names of the pairs."""
    return sorted(file.stem for file in (HERE / "input").glob("*.yaml"))


def output(case: str) -> Path:
    """Return the file that a pair's objects are kept in."""
    return HERE / "output" / f"{case}.yaml"


def render(case: str) -> str:
    """Return all objects of an input, in the order in which they are written."""
    given: dict[str, Any] = yaml.safe_load((HERE / "input" / f"{case}.yaml").read_text())
    resource = given["modelDeployment"]
    owner = Owner(resource["metadata"]["namespace"], resource["metadata"]["name"], "uid-1")
    config = OperatorConfig.model_validate(given.get("config") or {})
    spec = ModelDeploymentSpec.model_validate(resource["spec"])
    stable = given.get("stable")
    served = ModelDeploymentSpec.model_validate(resource["spec"] | stable) if stable else None
    made = _objects(owner, config, spec, served, given.get("weight", 100))
    return yaml.safe_dump_all(made, sort_keys=False, width=100)


def _objects(
    owner: Owner,
    config: OperatorConfig,
    spec: ModelDeploymentSpec,
    stable: ModelDeploymentSpec | None,
    weight: int,
) -> list[Object]:
    if needs_resolving(spec, None):
        name = resolver_change(owner, {}, spec, True, 0.0).make
        assert name is not None
        return [resolver_pod(owner, spec, config, name)]
    revision = wanted(spec, None).revision
    weights = {revision: weight}
    revisions = [spec]
    pinned = revision
    if stable is not None:
        pinned = wanted(stable, None).revision
        weights[pinned] = 100 - weight
        revisions = [stable, spec]
    candidate = CandidateStatus(
        revision=revision, weight=weight, started_at=NOW, checked_at=NOW if weight == 0 else None
    )
    return [
        *for_spec(spec).objects(owner, {r: w for r, w in weights.items() if w > 0}, pinned),
        *check_jobs(owner, spec, ModelDeploymentStatus(candidate=candidate)),
        *(obj for one in revisions for obj in _revision(owner, one, config)),
    ]


def _revision(owner: Owner, spec: ModelDeploymentSpec, config: OperatorConfig) -> list[Object]:
    target = wanted(spec, None)
    template = pod_template(owner.namespace, owner.name, target, spec, config)
    data = {"models": [model.model_dump() for model in target.models], "template": template}
    made = [
        build.revision_service(owner, target.revision),
        build.controller_revision(owner, target.revision, data),
        build.deployment(owner, target.revision, template),
    ]
    if spec.autoscaling is not None:
        least, most = spec.autoscaling.min, spec.autoscaling.max
        made.append(build.autoscaler(owner, target.revision, spec, least, most))
    # As it comes out of JSON: YAML would else point from one object into another.
    return [yaml.safe_load(yaml.safe_dump(obj)) for obj in made]


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
