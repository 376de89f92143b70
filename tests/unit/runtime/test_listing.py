"""Reading all of a kind from a server that forgets, or asks to be left alone (real HTTP)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio.client import ApiClient, Configuration

from transit_operator.adapters.kubernetes import Expired, Kubernetes, KubernetesError
from transit_operator.runtime.loop.queue import WorkQueue
from transit_operator.runtime.observing.cache import Cache
from transit_operator.runtime.operator import LIST_ATTEMPTS, refresh

KEY = ("ml", "m")


def pod(name: str) -> dict[str, Any]:
    labels = {"transit.dev/model-deployment": "m"}
    meta = {"name": name, "namespace": "ml", "uid": name, "resourceVersion": "3"}
    return {"metadata": {**meta, "labels": labels}}


def page(*names: str, more: str = "") -> web.Response:
    meta = {"resourceVersion": "10", "continue": more}
    items = [pod(name) for name in names]
    return web.json_response({"apiVersion": "v1", "metadata": meta, "items": items})


def listing(answer: Callable[[web.Request], web.Response], cache: Cache) -> None:
    """Have `refresh` list pods from a server that answers so. Raises: KubernetesError."""

    async def run() -> None:
        async def handle(request: web.Request) -> web.Response:
            return answer(request)

        app = web.Application()
        app.router.add_get("/api/v1/pods", handle)
        async with TestServer(app) as server:
            client = ApiClient(Configuration(host=str(server.make_url(""))))
            try:
                await refresh(Kubernetes(client), cache, "Pod", "")
            finally:
                await client.close()

    _run(run())


def _run(work: Awaitable[None]) -> None:
    asyncio.run(work)  # type: ignore[arg-type]


def test_a_list_that_went_stale_is_read_anew() -> None:
    seen: list[str] = []

    def answer(request: web.Request) -> web.Response:
        token = request.query.get("continue", "")
        seen.append(token)
        if token == "old":
            return web.json_response({"message": "the token is too old"}, status=410)
        return page("a", more="old") if len(seen) == 1 else page("b")

    cache = Cache()
    listing(answer, cache)
    assert seen == ["", "old", ""]
    assert set(cache.owned(KEY)) == {("Pod", "b")}, "the pod of the stale page is gone"


def test_one_that_is_always_stale_is_given_up() -> None:
    seen: list[str] = []

    def answer(request: web.Request) -> web.Response:
        seen.append("")
        return web.json_response({"message": "too old"}, status=410)

    with pytest.raises(Expired):
        listing(answer, Cache())
    assert len(seen) == LIST_ATTEMPTS


@pytest.mark.parametrize(("said", "seconds"), [("7", 7), ("100000", 60), ("soon", 0), (None, 0)])
def test_how_long_the_api_server_asks_to_be_left_alone(said: str | None, seconds: int) -> None:
    headers = {} if said is None else {"Retry-After": said}

    def answer(request: web.Request) -> web.Response:
        return web.json_response({"message": "too many"}, status=429, headers=headers)

    with pytest.raises(KubernetesError) as caught:
        listing(answer, Cache())
    assert caught.value.retry_after == seconds


def test_who_is_told_to_wait_waits() -> None:
    now = [100.0]
    queue = WorkQueue(lambda: now[0], lambda: now[0])
    queue.failed(KEY, at_least=7.0)
    now[0] = 106.9
    assert len(queue) == 0
    now[0] = 107.0
    assert len(queue) == 1
