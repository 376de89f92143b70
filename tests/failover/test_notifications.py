"""A receiver that is away while the leader is killed: the next one tells it, and the one after not.

How receivers fail is in `tests/notifying`; here the Lease of a real API server keeps the mark.
"""

import json
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.failover.candidates import Pool
from tests.support import eventually, model_deployment

SPEC = {"replicas": 1, "server": {"image": "transit.invalid/none:1"}}


class Receiver(ThreadingHTTPServer):
    """Takes CloudEvents; nobody can reach it before it serves."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self._serving = threading.Thread(target=self.serve_forever)
        super().__init__(("127.0.0.1", 0), Taking, bind_and_activate=False)
        self.server_bind()

    def serve(self) -> None:
        self.server_activate()
        self._serving.start()

    def stop(self) -> None:
        if self._serving.is_alive():
            self.shutdown()
            self._serving.join(10)
        self.server_close()

    def subjects(self) -> list[str]:
        return [event["subject"] for event in self.taken]


class Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


def first_deployment(pool: Pool, name: str) -> None:
    """Apply one, and wait until its history says so."""
    pool.kube.apply(model_deployment(name, pool.namespace, **SPEC))
    pool.find_versions(name)

    def created() -> bool:
        found = pool.kube.find("-n", pool.namespace, "mdep", name) or {}
        history = found.get("status", {}).get("history", [])
        return any(transition["reason"] == "Created" for transition in history)

    eventually(f"{name} is created", created, 60)


def kept(pool: Pool) -> str:
    """What the Lease says of how far receivers were told."""
    lease = pool.kube.find("-n", pool.namespace, "lease", "operators") or {}
    annotations = lease.get("metadata", {}).get("annotations") or {}
    return str(annotations.get("transit.dev/notified", ""))


def test_it_hears_once_of_each_whoever_leads(pool: Pool, tmp_path: Path) -> None:
    receiver = Receiver()
    (tmp_path / "url").write_text(f"http://127.0.0.1:{receiver.server_port}/")
    one = {"name": "one", "kind": "CloudEvents", "urlFile": str(tmp_path / "url")}
    pool.config = {"notifications": {"receivers": [one | {"reasons": ["Created"]}]}}
    try:
        first = pool.add()
        eventually("the Lease has the first mark", lambda: kept(pool), 30)
        first_deployment(pool, "a")
        eventually("it fails", lambda: first.says("receiver one was not told"), 30)
        first.process.kill()
        receiver.serve()
        second = pool.add()
        eventually("the second tells it", lambda: receiver.subjects(), 60)
        event = receiver.taken[0]
        eventually("the Lease has it", lambda: event["id"][:12] in kept(pool), 30)
        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(20) == 0, second.log.read_text()
        pool.add()
        first_deployment(pool, "b")
        eventually("the third tells of the next", lambda: len(receiver.taken) > 1, 60)
    finally:
        receiver.stop()
    assert receiver.subjects() == [f"{pool.namespace}/a", f"{pool.namespace}/b"]
