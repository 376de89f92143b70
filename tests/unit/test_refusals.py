"""What the API server refuses is told until a try goes well, whoever leads by then."""

import asyncio

import pytest

from tests.unit.cluster import Cluster, Recorder
from tests.unit.world import spec
from transit_operator.adapters.kubernetes import Refused
from transit_operator.api.config import OperatorConfig
from transit_operator.core.objects.build import Object
from transit_operator.runtime.loop.queue import WorkQueue
from transit_operator.runtime.loop.reconcile import Reconciler
from transit_operator.runtime.telling.metrics import Metrics
from transit_operator.runtime.writing.execute import Executor

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


class Leader:
    """An operator that has just begun to lead: it knows what the cluster tells, nothing else."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._queue = WorkQueue(lambda: cluster.api.now)
        executor = Executor(cluster.api, cluster.cache, OperatorConfig())
        self._reconciler = Reconciler(
            self._queue, cluster.observer, executor, cluster.cache, Metrics()
        )

    async def look(self) -> bool:
        """Look once and tell whether it went well."""
        try:
            await self._reconciler.reconcile(self._cluster.key, None)
        except Refused:
            return False
        return True

    async def looks_again_at_once(self) -> bool:
        """Tell whether another look is due at this moment, and take it out of the queue."""
        if not len(self._queue):
            return False
        self._queue.done(await self._queue.get())
        return True


async def refused_once() -> tuple[Quota, Cluster]:
    """Return a cluster in which the first leader was refused a Deployment, and has said so."""
    api = Quota()
    cluster = Cluster(RESOURCE, OperatorConfig(), api)
    cluster.apply(spec().model_dump(mode="json", by_alias=True, exclude_none=True))
    first = Leader(cluster)
    assert not await first.look()
    assert await first.looks_again_at_once(), "to say it"
    assert not await first.look()
    assert api.said[-1]["Accepted"]["reason"] == "Refused"
    return api, cluster


def test_a_new_leader_says_what_is_refused_from_its_first_look() -> None:
    async def story() -> None:
        api, cluster = await refused_once()
        before = api.said[-1]
        api.now += 3600
        second = Leader(cluster)
        assert not await second.look()
        assert not await second.look()
        assert all(said["Accepted"] == before["Accepted"] for said in api.said[-2:])
        assert all(said["Ready"]["status"] == "False" for said in api.said)

    asyncio.run(story())


def test_a_new_leader_says_that_it_is_over_after_its_own_try() -> None:
    async def story() -> None:
        api, cluster = await refused_once()
        api.refuses = ""
        second = Leader(cluster)
        assert await second.look()
        assert api.said[-1]["Accepted"]["reason"] == "Refused", "it could not know before"
        assert await second.looks_again_at_once()
        assert await second.look()
        assert api.said[-1]["Accepted"]["status"] == "True"

    asyncio.run(story())


def test_what_was_refused_of_another_generation_is_not_held_against_this_one() -> None:
    async def story() -> None:
        api, cluster = await refused_once()
        api.refuses = ""
        cluster.apply(spec("2.0.0").model_dump(mode="json", by_alias=True, exclude_none=True))
        assert await Leader(cluster).look()
        assert api.said[-1]["Accepted"]["status"] == "True"

    asyncio.run(story())


@pytest.mark.parametrize("words", ["exceeded quota", "denied, request {} of a webhook"])
def test_a_refusal_is_told_at_once_and_then_tried_at_a_growing_pace(words: str) -> None:
    """Words with an identifier of the request are others each time: no reason for another look."""

    async def story() -> None:
        api, cluster = await refused_once()
        api.refuses = words
        leader = Leader(cluster)
        for _ in range(3):
            assert not await leader.look()
            assert not await leader.looks_again_at_once()
        assert api.said[-1]["Accepted"]["reason"] == "Refused"

    asyncio.run(story())
