"""Operators that tell real receivers, one after the other, with a Lease between them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.notifying.receivers import Http
from tests.unit.cluster import Recorder
from tests.unit.told import Told
from transit_operator.adapters.kubernetes import AlreadyExists
from transit_operator.api.config.notifications import NotificationsConfig
from transit_operator.core.objects.build import Object
from transit_operator.runtime.leading.leader import Leader
from transit_operator.runtime.leading.lease import KIND
from transit_operator.runtime.notifying.notifying import Notifying
from transit_operator.runtime.observing.cache import Key
from transit_operator.runtime.telling.metrics import Metrics

SECRET = "T0K3N-of-the-team"
KINDS = ["Apprise", "CloudEvents"]
LEASE = ("transit-system", "transit-operator")


class Api(Recorder):
    """The API server with one Lease. Nobody else writes it, so no write is too late."""

    async def create(self, obj: Object) -> Object:
        if (KIND, LEASE[1]) in self.objects:
            raise AlreadyExists(LEASE[1])
        return self._put(obj, None)

    async def replace(self, obj: Object) -> Object:
        return self._put(obj, self.objects[KIND, LEASE[1]])

    def expire(self) -> None:
        """Have the Lease as it is when its holder is long gone."""
        self.objects[KIND, LEASE[1]]["spec"]["holderIdentity"] = ""


class Process:
    """An operator that leads. `keys` are the ModelDeployments of the cluster."""

    def __init__(
        self,
        api: Api,
        config: NotificationsConfig,
        clock: Callable[[], float],
        try_seconds: float,
    ) -> None:
        self.leader = Leader(api, *LEASE)
        self.metrics = Metrics()
        self.keys: list[Key] = [("ml", "kepler")]
        self.again: list[Key] = []
        self._config = config
        self._clock = clock
        self._try_seconds = try_seconds
        self.notifying: Notifying

    async def lead(self) -> "asyncio.Task[None]":
        await self.leader.acquire()
        self.notifying = Notifying(
            self._config,
            self.leader,
            self.again.append,
            lambda: self.keys,
            self.metrics,
            self._clock,
            pauses=(0.02, 0.1),
            try_seconds=self._try_seconds,
        )
        return asyncio.create_task(self.notifying.run())

    async def renew(self) -> None:
        """Renew the Lease, as it is done every two seconds."""
        await self.leader._attempt()

    def waiting(self, receiver: str = "one") -> int:
        return self.notifying.waiting()[receiver]

    def counted(self, what: str, receiver: str = "one") -> float:
        return float(getattr(self.metrics, what).labels(receiver)._value.get())


class Stage:
    """A cluster's Lease, its configuration, and a world whose clock the operators have, too."""

    def __init__(self, folder: Path, receivers: dict[str, dict[str, Any]], **config: Any) -> None:
        """`receivers` is name → fields; `url` is what stands in its file."""
        for name, fields in receivers.items():
            (folder / name).write_text(fields["url"] + "\n")
        self.config = NotificationsConfig.model_validate(
            {
                "environment": "test",
                **config,
                "receivers": [
                    {key: value for key, value in fields.items() if key != "url"}
                    | {"name": name, "urlFile": str(folder / name)}
                    for name, fields in receivers.items()
                ],
            }
        )
        self.api = Api()
        self.try_seconds = 30.0
        self.world: Told | None = None

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[Process]:
        """An operator that ends as if it were killed, unless its leader is released before."""
        process = Process(self.api, self.config, self.now, self.try_seconds)
        task = await process.lead()
        try:
            yield process
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.api.expire()

    def now(self) -> float:
        return self.world.now if self.world is not None else 1_000_000_020.0


async def until(true: Callable[[], object]) -> None:
    """Look until it is true; fail after a minute."""
    async with asyncio.timeout(60):
        while True:
            if true():
                return
            await asyncio.sleep(0.02)  # between two looks


def one(receiver: Http, kind: str, **fields: Any) -> dict[str, dict[str, Any]]:
    """A receiver of the kind, by the name `one`, with a secret in its URL."""
    return {"one": named(receiver, kind, **fields)}


def named(receiver: Http, kind: str, **fields: Any) -> dict[str, Any]:
    scheme = "json" if kind == "Apprise" else "http"
    url = f"{scheme}://user:{SECRET}@127.0.0.1:{receiver.port}/hooks/{SECRET}"
    return {"url": url, "kind": kind, **fields}


def ids(bodies: list[dict[str, Any]]) -> list[str]:
    """The ids of messages, as people and programs see them."""
    return [b["id"][:12] if "id" in b else b["message"].split()[-1] for b in bodies]


def tried(receiver: Http) -> list[str]:
    return ids([body for _, body in receiver.tried])
