"""What the API server refuses is told until a try goes well, whoever leads by then."""

import pytest

from tests.unit.cluster import Cluster, Leader, Recorder
from tests.unit.world import spec
from transit_operator.adapters.kubernetes import Refused
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.core.objects.build import Object

RESOURCE: Object = {
    "apiVersion": "transit.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "m", "namespace": "ml"},
}


class Quota(Recorder):
    """An API server that refuses Deployments, in words that may differ each time."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses = "exceeded quota"
        self.tries = 0
        self.said: list[Object] = []  # the conditions of each status that was written

    async def apply(self, obj: Object) -> Object:
        if obj["kind"] == "Deployment" and self.refuses:
            self.tries += 1
            raise Refused(self.refuses.format(self.tries))
        return await super().apply(obj)

    async def replace_status(self, mdep: Object, status: Object) -> Object:
        self.said.append({c["type"]: c for c in status["conditions"]})
        return await super().replace_status(mdep, status)


def refused_once() -> tuple[Quota, Cluster]:
    """Return a cluster in which the first leader was refused a Deployment, and has said so."""
    api = Quota()
    cluster = Cluster(RESOURCE, OperatorConfig(), api)
    cluster.apply(spec(), looked_up=True)
    first = Leader(cluster)
    assert not first.look()
    assert first.looks_again_at_once(), "to say it"
    assert not first.look()
    assert api.said[-1]["Accepted"]["reason"] == "Refused"
    return api, cluster


def test_a_new_leader_says_what_is_refused_from_its_first_look() -> None:
    api, cluster = refused_once()
    before = api.said[-1]
    api.now += 3600
    second = Leader(cluster)
    assert not second.look()
    assert not second.look()
    assert all(said["Accepted"] == before["Accepted"] for said in api.said[-2:])
    assert all(said["Ready"]["status"] == "False" for said in api.said)


def test_a_new_leader_says_that_it_is_over_after_its_own_try() -> None:
    api, cluster = refused_once()
    api.refuses = ""
    second = Leader(cluster)
    assert second.look()
    assert api.said[-1]["Accepted"]["reason"] == "Refused", "it could not know before"
    assert second.looks_again_at_once()
    assert second.look()
    assert api.said[-1]["Accepted"]["status"] == "True"


def test_what_was_refused_of_another_generation_is_not_held_against_this_one() -> None:
    api, cluster = refused_once()
    api.refuses = ""
    cluster.apply(spec("2.0.0"), looked_up=True)
    assert Leader(cluster).look()
    assert api.said[-1]["Accepted"]["status"] == "True"


@pytest.mark.parametrize("words", ["exceeded quota", "denied, request {} of a webhook"])
def test_a_refusal_is_told_at_once_and_then_tried_at_a_growing_pace(words: str) -> None:
    """Words with an identifier of the request are others each time: no reason for another look."""
    api, cluster = refused_once()
    api.refuses = words
    leader = Leader(cluster)
    for _ in range(3):
        assert not leader.look()
        assert not leader.looks_again_at_once()
    assert api.said[-1]["Accepted"]["reason"] == "Refused"
