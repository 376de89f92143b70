"""A recording proxy before the real API server: what one operator process really asked, and when.

Each operator of a test gets a proxy of its own, so that its writes can be told from another's. The
proxy can also answer slowly, be cut, as a network can, or hide a group of kinds, as before its CRD.
"""

import asyncio
import json
import ssl
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web
from kubernetes.config.kube_config import KubeConfigLoader
from multidict import CIMultiDict

READS = {"GET", "HEAD", "OPTIONS"}
NOT_FORWARDED = {"host", "content-length", "transfer-encoding", "connection"}


@dataclass(frozen=True)
class Request:
    """One request, as it arrived. `at` is of time.monotonic()."""

    at: float
    method: str
    path: str


class Proxy:
    """Listens on a free port of loopback while the block runs."""

    def __init__(self, kubeconfig: Path) -> None:
        self.requests: list[Request] = []
        self.answer_delay = 0.0
        self.hidden = ""  # a group that there is not yet
        self._cut = False
        self._upstream, self._tls = _upstream(kubeconfig)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open: set[asyncio.Task[Any]] = set()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig that leads through this proxy."""
        cluster = {"server": f"http://127.0.0.1:{self.port}"}
        context = {"cluster": "c", "user": "u"}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": cluster}],
            "contexts": [{"name": "c", "context": context}],
            "users": [{"name": "u", "user": {}}],
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def writes(self, after: float = 0.0) -> list[Request]:
        """Writes that arrived, but those of Leases."""
        return [r for r in self.requests if _writes(r) and "/leases" not in r.path and r.at > after]

    def lease_writes(self, after: float = 0.0) -> list[Request]:
        """Writes of Leases that arrived."""
        return [r for r in self.requests if _writes(r) and "/leases" in r.path and r.at > after]

    def cut(self) -> None:
        """From now on no request gets through and none is answered, as behind a dead network."""
        self._cut = True
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._open])

    def _call(self, work: Any) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(20)

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0), auto_decompress=False
        )
        app = web.Application(client_max_size=2**28)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        for task in self._open:
            task.cancel()
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            if self._cut:
                await asyncio.Event().wait()
            return await self._forward(request)
        finally:
            self._open.discard(task)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.requests.append(Request(time.monotonic(), request.method, request.path_qs))
        if self.hidden and request.path.startswith(f"/apis/{self.hidden}"):
            return web.json_response({"kind": "Status", "reason": "NotFound"}, status=404)
        async with self._session.request(
            request.method,
            self._upstream + request.path_qs,
            headers=_kept(request.headers),
            data=body or None,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as answer:
            if request.method not in READS and self.answer_delay:
                await asyncio.sleep(self.answer_delay)
            if self.hidden and request.path == "/apis":
                found = json.loads(await answer.text())
                others = [group for group in found["groups"] if group["name"] != self.hidden]
                return web.json_response({**found, "groups": others})
            response = web.StreamResponse(status=answer.status, headers=_kept(answer.headers))
            with suppress(ConnectionResetError):  # the operator hung up
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            return response


def _writes(request: Request) -> bool:
    return request.method not in READS


def _kept(headers: Any) -> "CIMultiDict[str]":
    return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in NOT_FORWARDED)


def _upstream(kubeconfig: Path) -> tuple[str, ssl.SSLContext | bool]:
    """Return the API server's address and how to speak to it, from a kubeconfig."""
    from kubernetes.client import Configuration

    found = Configuration()
    KubeConfigLoader(yaml.safe_load(kubeconfig.read_text())).load_and_set(found)
    tls = ssl.create_default_context(cafile=found.ssl_ca_cert)
    if found.cert_file:
        tls.load_cert_chain(found.cert_file, found.key_file)
    return found.host, tls
