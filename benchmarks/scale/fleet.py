"""The ModelDeployments of a run: made, watched until they settle, put into rollouts, changed.

Talks to the API server as the administrator, with aiohttp. A `Fleet` follows all ModelDeployments
by one watch, so that every wait here is for a state that was seen.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

from .plane import Plane

Object = dict[str, Any]

NAMESPACES = 10
PATH = "/apis/transit.dev/v1alpha1"
AT_ONCE = 16  # requests of the driver under way at one time
STABLE, CANDIDATE = "1.0.0", "1.1.0"


class Fleet:
    """All ModelDeployments of a plane. Use as an asynchronous context manager."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._seen: dict[str, Object] = {}
        self._changed = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Fleet":
        trust = ssl.create_default_context(cafile=str(self._plane.authority))
        self._session = aiohttp.ClientSession(
            self._plane.api,
            connector=aiohttp.TCPConnector(ssl=trust, limit=AT_ONCE + 4),
            headers={"Authorization": f"Bearer {self._plane.admin_token}"},
        )
        for number in range(NAMESPACES):
            body = {"metadata": {"name": f"scale-{number}"}}
            await self.request("POST", "/api/v1/namespaces", body)
        self._watch = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
        await self._session.close()

    @property
    def keys(self) -> list[str]:
        """All "namespace/name", in the order they were made."""
        return sorted(self._seen, key=lambda key: key.rpartition("/")[2])

    def status(self, key: str) -> Object:
        """The status of one, as last seen."""
        found: Object = self._seen[key].get("status") or {}
        return found

    async def make(self, first: int, last: int) -> None:
        """Create those with the numbers first to last - 1, settled or not."""
        await _each(range(first, last), self._make)

    async def until(
        self,
        what: str,
        count: int,
        holds: Callable[[Object], bool],
        seconds: float,
        note: Callable[[str], None],
    ) -> float:
        """Wait until a status condition holds for at least `count` of them.

        Returns:
            When it did, in seconds since the epoch.

        Raises:
            TimeoutError: not in that many seconds.
        """
        deadline = time.monotonic() + seconds
        while True:
            self._plane.require_alive()
            if self._watch is not None and self._watch.done():
                self._watch.result()  # raises what ended it
            self._changed.clear()
            found = sum(holds(obj.get("status") or {}) for obj in self._seen.values())
            note(f"{found} of {count} {what}")
            if found >= count:
                return time.time()
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {found} of {count} were {what} after {seconds:.0f} s")
            await asyncio.sleep(0.25)  # counting thousands at every event would be the load itself
            async with asyncio.timeout(max(1.0, deadline - time.monotonic())):
                await self._changed.wait()

    async def give_version(self, keys: Sequence[str], version: str) -> None:
        """Ask for a version of the model: another than the stable one starts a rollout."""
        patch = {"spec": {"models": [{"name": "random_forest", "version": version}]}}
        await _each(keys, lambda key: self._patch(key, patch))

    async def give_queries(self, keys: Sequence[str], queries: Sequence[str]) -> None:
        """Have the analysis of some ask custom queries besides, whose answers are 0 at least."""
        custom = [{"name": f"q{n}", "query": query, "min": 0} for n, query in enumerate(queries)]
        patch = {"spec": {"rollout": {"analysis": {"custom": custom}}}}
        await _each(keys, lambda key: self._patch(key, patch))

    async def change_replicas(self, key: str, seconds: float = 60.0) -> float:
        """Change a spec; return the seconds from sending it to seeing the operator's first write.

        Replicas become 2 where they are 1, else 1. The operator's first write is that of the
        status; it is seen by a watch of this one object.

        Raises:
            TimeoutError: there was none.
        """
        namespace, _, name = key.partition("/")
        url = f"{PATH}/namespaces/{namespace}/modeldeployments"
        selector = f"fieldSelector=metadata.name={name}"
        # A list's version is fresh; that of an object may be too old for a watch to begin at.
        found = await self.request("GET", f"{url}?{selector}")
        begin = found["metadata"]["resourceVersion"]
        patch = {"spec": {"replicas": 2 if found["items"][0]["spec"]["replicas"] == 1 else 1}}
        async with asyncio.timeout(seconds):
            watch = f"{url}?{selector}&watch=true&resourceVersion={begin}"
            async with self._session.get(watch, timeout=_NO_LIMIT) as stream:
                before = time.perf_counter()
                generation = (await self._patch(key, patch))["metadata"]["generation"]
                async for line in _lines(stream.content):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise RuntimeError(f"the watch of {key} failed: {event['object']}")
                    status = event["object"].get("status") or {}
                    if status.get("observedGeneration") == generation:
                        return time.perf_counter() - before
        raise TimeoutError(f"the watch of {key} ended without a write of the operator")

    async def versions(self) -> dict[str, str]:
        """Return "plural/namespace/name" → resourceVersion of all that the operator looks after."""
        found: dict[str, str] = {}
        for url in (
            f"{PATH}/modeldeployments",
            "/apis/apps/v1/deployments",
            "/apis/apps/v1/controllerrevisions",
            "/apis/gateway.networking.k8s.io/v1/httproutes",
            "/api/v1/services",
            "/api/v1/pods",
        ):
            token = ""
            while True:
                page = await self.request("GET", f"{url}?limit=500&continue={token}")
                for item in page["items"]:
                    meta = item["metadata"]
                    key = f"{url.rpartition('/')[2]}/{meta['namespace']}/{meta['name']}"
                    found[key] = meta["resourceVersion"]
                token = page["metadata"].get("continue", "")
                if not token:
                    break
        return found

    async def request(self, method: str, url: str, body: Object | None = None) -> Object:
        """One request. Raises: aiohttp.ClientResponseError, with what the API server said."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        async with self._session.request(
            method, url, data=json.dumps(body) if body else None, headers={"Content-Type": kind}
        ) as response:
            text = await response.text()
            if response.status >= 400:
                raise aiohttp.ClientResponseError(
                    response.request_info, (), status=response.status, message=text[:500]
                )
            found: Object = json.loads(text)
            return found

    async def _patch(self, key: str, patch: Object) -> Object:
        return await self.request("PATCH", path(key), patch)

    async def _make(self, number: int) -> None:
        namespace = f"scale-{number % NAMESPACES}"
        await self.request(
            "POST",
            f"{PATH}/namespaces/{namespace}/modeldeployments",
            model_deployment(f"m-{number:05}", namespace),
        )

    async def _follow(self) -> None:
        """Follow all ModelDeployments; the API server ends a watch now and then."""
        version = "0"
        while True:
            query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
            url = f"{PATH}/modeldeployments"
            async with self._session.get(url, params=query, timeout=_NO_LIMIT) as stream:
                async for line in _lines(stream.content):
                    event = json.loads(line)
                    obj = event["object"]
                    if event["type"] == "ERROR":
                        raise RuntimeError(f"the watch failed: {obj}")
                    version = obj["metadata"]["resourceVersion"]
                    if event["type"] == "BOOKMARK":
                        continue
                    meta = obj["metadata"]
                    self._seen[f"{meta['namespace']}/{meta['name']}"] = {
                        "status": obj.get("status")
                    }
                    self._changed.set()


_NO_LIMIT = aiohttp.ClientTimeout(total=None)


def model_deployment(name: str, namespace: str) -> Object:
    """A usual ModelDeployment: one model, one pod, exact weights through a gateway.

    The first step's hold is long, so that a rollout stays under way while it is measured.
    """
    return {
        "apiVersion": "transit.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "models": [{"name": "random_forest", "version": STABLE}],
            "storage": {"uri": "s3://models", "secretName": "minio"},
            "replicas": 1,
            "traffic": {
                "router": "gateway",
                "gateway": {
                    "parentRefs": [{"name": "public", "namespace": "gateways"}],
                    "hostnames": [f"{name}.example.com"],
                },
            },
            "rollout": {
                "steps": [{"weight": 10, "hold": "24h"}, {"weight": 100, "hold": "24h"}],
                "analysis": {"interval": "15s"},
            },
        },
    }


def path(key: str) -> str:
    """The URL of a ModelDeployment."""
    namespace, _, name = key.partition("/")
    return f"{PATH}/namespaces/{namespace}/modeldeployments/{name}"


async def _lines(content: aiohttp.StreamReader) -> Any:
    """Lines of any length (`async for` of a StreamReader gives up at 64 KiB)."""
    rest = b""
    async for chunk in content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line


async def _each(items: Any, do: Callable[[Any], Any]) -> None:
    """Do something for each, a few at a time."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await do(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker())
