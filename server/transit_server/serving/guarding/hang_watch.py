"""A model that doesn't come back from a batch: after a bounded time the process ends, so that
Kubernetes starts the container anew.

No thread can be taken away from a model, and a pod that is only not ready stays so for ever; with
all pods so the Service is empty. `app` runs `watch` on the event loop. While that stands still, as
when native code keeps the interpreter, liveness fails, and the kubelet does the same.
"""

import asyncio
import logging
from collections.abc import Callable

from transit_server.errors import ModelHung
from transit_server.serving.guarding.quarantine import Quarantine
from transit_server.serving.registry import Registry

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 1.0


async def watch(
    registry: Registry, longest: float, quarantine: Quarantine, ended: Callable[[ModelHung], None]
) -> None:
    """Until a model has been busy with one batch for `longest` seconds: its rows go into
    quarantine, and `ended` is told.
    """
    while True:
        await asyncio.sleep(min(_LONGEST_PAUSE, longest / 4))
        for _, model in registry.every():
            if model is not None and model.batcher.busy_for > longest:
                rows = model.batcher.at_work()
                quarantine.hung(model.id, rows)
                error = ModelHung(model.name, model.version, len(rows), model.batcher.busy_for)
                log.error("%s", error)
                ended(error)
                return
