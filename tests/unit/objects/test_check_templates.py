"""A wrong template of a check is told when it is applied, not when a candidate waits for it."""

import pytest

from tests.unit.cluster import Cluster, Leader, Recorder
from tests.unit.world import spec
from transit_operator.adapters.kubernetes import Invalid, KubernetesError, Refused
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.core.objects.build import Object

RESOURCE: Object = {"kind": "ModelDeployment", "metadata": {"name": "m", "namespace": "ml"}}


class Strict(Recorder):
    """An API server that looks at pods: it knows `command`, and no `comand`."""

    def __init__(self, answer: KubernetesError | None = None) -> None:
        super().__init__()
        self.tried: list[str] = []
        self._answer = answer

    async def apply(self, obj: Object) -> Object:
        if obj["kind"] == "Job":
            _look(obj)
        return await super().apply(obj)

    async def rehearse(self, obj: Object) -> None:
        container = obj["spec"]["template"]["spec"]["containers"][0]
        self.tried.append(container["name"])
        if self._answer is not None:
            raise self._answer
        _look(obj)


def _look(job: Object) -> None:
    for container in job["spec"]["template"]["spec"]["containers"]:
        if "comand" in container:
            raise Invalid(".comand: field not declared in schema")


class Operator:
    """One that looks when it is told to, at a ModelDeployment with checks."""

    def __init__(self, api: Recorder) -> None:
        self.cluster = Cluster(RESOURCE, OperatorConfig(), api)
        self._leader = Leader(self.cluster)

    def apply(self, *checks: Object) -> None:
        """Apply it with checks, and look twice: a refusal is told by the second look."""
        self.cluster.apply(spec(rollout={"checks": [*checks]}), looked_up=True)
        self.look()
        self.look()

    def look(self) -> None:
        """Look once."""
        self._leader.look()

    def accepted(self) -> tuple[str, str]:
        """Return status and message of `Accepted`."""
        conditions = self.cluster.status()["conditions"]
        found = next(c for c in conditions if c["type"] == "Accepted")
        return found["status"], found["message"]


def check(name: str, **container: object) -> Object:
    template = {"spec": {"containers": [{"name": name, "image": "load:1", **container}]}}
    return {"name": name, "template": template}


def test_a_field_that_no_pod_has_is_told_though_no_candidate_is_there() -> None:
    operator = Operator(Strict())
    operator.apply(check("smoke"), check("load", comand=["load"]))
    status, message = operator.accepted()
    assert status == "False"
    assert "the template of spec.rollout.checks 'load': .comand" in message
    assert "Deployment" in {kind for kind, _ in operator.cluster.api.objects}, "all else goes on"
    operator.apply(check("smoke"), check("load", command=["load"]))
    assert operator.accepted()[0] == "True"


def test_what_was_tried_is_not_tried_again_before_it_changes() -> None:
    api = Strict()
    operator = Operator(api)
    operator.apply(check("smoke"), check("load"))
    operator.look()
    assert api.tried == ["smoke", "load"]
    operator.apply(check("smoke"), check("load", command=["load"]))
    assert api.tried == ["smoke", "load", "load"]


@pytest.mark.parametrize(
    "answer",
    [
        Refused("403 exceeded quota: jobs"),
        Refused("400 admission webhook does not support dry run"),
        KubernetesError("503"),
    ],
)
def test_only_what_is_wrong_with_the_template_itself_counts(answer: KubernetesError) -> None:
    api = Strict(answer)
    operator = Operator(api)
    operator.apply(check("smoke"))
    assert operator.accepted()[0] == "True"
    assert len(api.tried) > 1, "and it is asked again"
