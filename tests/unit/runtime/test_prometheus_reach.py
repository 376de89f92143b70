"""What it is called when no answer of Prometheus comes, with real sockets on loopback.

That its pod is gone may show as a refusal or as silence, by where the network is at that moment;
both must say that it can't be reached, and only an accepted connection without an answer "slow".
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from transit_operator.adapters.asking import QueryFailed
from transit_operator.adapters.prometheus import Prometheus
from transit_operator.api.config.prometheus import PrometheusConfig

TIMEOUT_SECONDS = 0.3


@contextmanager
def nobody_listens() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield port


@contextmanager
def nobody_accepts() -> Iterator[int]:
    """A queue of one, and full: the kernel drops what comes, as a firewall does."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@contextmanager
def nobody_answers() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (nobody_listens, "PrometheusUnreachable"),
        (nobody_accepts, "PrometheusUnreachable"),
        (nobody_answers, "PrometheusSlow"),
    ],
)
def test_a_connection_tells_slow_from_unreachable(
    server: Callable[[], AbstractContextManager[int]], reason: str
) -> None:
    with server() as port:
        config = PrometheusConfig(url=f"http://127.0.0.1:{port}", timeout_seconds=TIMEOUT_SECONDS)
        prometheus = Prometheus(config)
        try:
            with pytest.raises(QueryFailed) as failed:
                asyncio.run(prometheus.query("up"))
        finally:
            prometheus.close()
    assert failed.value.problem.reason == reason
