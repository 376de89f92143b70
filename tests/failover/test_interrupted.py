"""The operator may be killed between any two writes: the end is the same as if it had not been.

A whole story (first deployment, rollout and promotion, rollback of the next version) is told by
operators that die after each write, so that every write is the last one of an operator: as long as
a kill changed nothing, the next one finds the cluster as the uninterrupted story has it. Operators
that live for several writes meet each gap in another place of their look.
"""

import asyncio
import time
import uuid
from typing import Any

from kubernetes.aio.client import ApiClient

from dev.client.kube import Kube
from tests.failover.interruption import Life

START = float(int(time.time()) // 3600 * 3600)
# after how many writes operators die, and the first of them
KILLS = ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (5, 3), (8, 7))
SPEC: dict[str, Any] = {
    "storage": {"uri": "s3://models"},
    "replicas": 2,
    "traffic": {"router": "gateway", "gateway": {"parentRefs": [{"name": "nobody"}]}},
    "rollout": {
        "steps": [
            {"weight": 10, "hold": "20s"},
            {"weight": 50, "hold": "20s"},
            {"weight": 100, "hold": "20s"},
        ],
        "progressDeadline": "60s",
        "analysis": {"interval": "15s", "window": "30s"},
    },
}


def spec(version: str) -> dict[str, Any]:
    return {**SPEC, "models": [{"name": "forest", "version": version}]}


async def story(
    kube: Kube, client: ApiClient, dies_every: int = 0, dies_first: int = 1
) -> tuple[Life, dict[str, Any]]:
    """Run the whole story in a namespace of its own and return how it ended."""
    namespace = f"test-kill-{uuid.uuid4().hex[:8]}"
    await asyncio.to_thread(kube, "create", "namespace", namespace)
    try:
        life = Life(client, namespace, START, dies_every, dies_first, ill_at=("3.0.0", 50))
        for version, phase in (("1.0.0", "Stable"), ("2.0.0", "Stable"), ("3.0.0", "RolledBack")):
            await life.apply(**spec(version))
            await life.run_until(phase)
        return life, await ending(life)
    finally:
        await asyncio.to_thread(kube, "delete", "namespace", namespace, "--wait=false")


async def ending(life: Life) -> dict[str, Any]:
    """Return everything that must not depend on a kill."""
    status = life.status()
    return {
        "status": status.model_dump(exclude={"signals", "conditions", "resource_uid"}),
        "objects": await life.objects(),
        "events": await life.events(),
    }


async def test_a_kill_after_any_write_changes_nothing(alone: Kube, client: ApiClient) -> None:
    whole, expected = await story(alone, client)
    assert [t["reason"] for t in expected["status"]["history"]] == [
        "Created", "Healthy",
        "RolloutStarted", "StepReached", "StepReached", "StepReached", "Promoted",
        "RolloutStarted", "StepReached", "StepReached", "Rejected", "RolledBack",
    ]  # fmt: skip
    assert len(expected["events"]) == 12

    async def killed(every: int, first: int) -> str:
        life, found = await story(alone, client, every, first)
        assert life.kills == 1 + (len(life.kubernetes.writes) - first) // every
        differing = [part for part in expected if found[part] != expected[part]]
        return f"after every {every} writes from {first} on: {differing}" if differing else ""

    found = await asyncio.gather(*(killed(*each) for each in KILLS))
    print(f"{len(whole.kubernetes.writes)} writes; killed after every (writes, from): {KILLS}")
    assert not [line for line in found if line]
