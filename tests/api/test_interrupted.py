"""The operator may be killed between any two writes: the end is the same as if it had not been.

Every write of a whole story (first deployment, rollout and promotion, rollback of the next version)
is the last one of an operator once; the next operator goes on from the cluster alone.
"""

import asyncio
import time
import uuid
from typing import Any

from kubernetes.aio.client import ApiClient

from dev.demo.kube import Kube
from tests.api.interruption import Life

START = float(int(time.time()) // 3600 * 3600)
AT_ONCE = 4  # stories side by side
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


async def story(kube: Kube, client: ApiClient, dies_after: int) -> tuple[Life, dict[str, Any]]:
    """Run the whole story in a namespace of its own and return how it ended."""
    namespace = f"test-kill-{dies_after}-{uuid.uuid4().hex[:6]}"
    await asyncio.to_thread(kube, "create", "namespace", namespace)
    try:
        life = Life(client, namespace, START, dies_after, ill_at=("3.0.0", 50))
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
        "status": status.model_dump(exclude={"signals", "conditions"}),
        "objects": await life.objects(),
        "events": await life.events(),
    }


async def test_a_kill_after_any_write_changes_nothing(alone: Kube, client: ApiClient) -> None:
    whole, expected = await story(alone, client, 0)
    assert [t["reason"] for t in expected["status"]["history"]] == [
        "Created", "Healthy",
        "RolloutStarted", "StepReached", "StepReached", "StepReached", "Promoted",
        "RolloutStarted", "StepReached", "StepReached", "Rejected", "RolledBack",
    ]  # fmt: skip
    assert len(expected["events"]) == 12
    writes = whole.kubernetes.writes
    limit = asyncio.Semaphore(AT_ONCE)

    async def killed_after(write: int) -> str:
        async with limit:
            life, found = await story(alone, client, write)
        assert life.kills == 1
        differing = [part for part in expected if found[part] != expected[part]]
        return f"after write {write} ({writes[write - 1]}): {differing}" if differing else ""

    found = await asyncio.gather(*(killed_after(k) for k in range(1, len(writes) + 1)))
    print(f"killed after each of {len(writes)} writes")
    assert not [line for line in found if line]
