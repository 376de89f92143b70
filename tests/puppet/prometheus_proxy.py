"""Stands between the operator and the real Prometheus, and answers badly when it is told to.

Runs in a pod from the image `test-puppet`. UPSTREAM is the real Prometheus' URL. A POST of a mode's
name to /puppet changes the mode; a GET says it, and how many queries each mode has answered.
Neighbour: `puppet.py`.
"""

import json
import os
import threading
from collections import Counter
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from tests.puppet.puppet import body_of, serve

MODES = ("pass", "error", "html", "slow", "slow-tenant", "trickle", "nan", "empty", "many")
SLOW_SECONDS = 30.0
# In the mode slow-tenant, a query that names a metric of this kind takes so long; no other does.
SLOW_METRIC = b"slow_tenant_"
SLOW_TENANT_SECONDS = 4.0


class State:
    """The mode, and a way to wake up those who wait for its end."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.mode = "pass"
        self.asked: Counter[str] = Counter()

    def set(self, mode: str) -> None:
        with self._changed:
            self.mode = mode
            self._changed.notify_all()

    def wait(self, mode: str, seconds: float) -> bool:
        """Wait while the mode lasts, at most so long; whether it still does."""
        with self._changed:
            return not self._changed.wait_for(lambda: self.mode != mode, seconds)


class Proxy(BaseHTTPRequestHandler):
    state = State()
    upstream = urlsplit(os.environ.get("UPSTREAM", ""))

    def do_GET(self) -> None:
        if self.path == "/puppet":
            known = {"mode": self.state.mode, "asked": self.state.asked}
            self._answer(200, json.dumps(known).encode())
        else:
            self._query(b"")

    def do_POST(self) -> None:
        body = body_of(self)
        if self.path != "/puppet":
            self._query(body)
        elif (mode := body.decode().strip()) in MODES:
            self.state.set(mode)
            self._answer(200, mode.encode())
        else:
            self._answer(400, f"the modes are {', '.join(MODES)}".encode())

    def _query(self, body: bytes) -> None:
        mode = self.state.mode
        self.state.asked[mode] += 1
        if mode == "error":
            self._answer(500, b"Internal Server Error")
        elif mode == "html":
            self._answer(200, b"<html><body>Please sign in</body></html>", "text/html")
        elif mode == "slow":
            self.state.wait(mode, SLOW_SECONDS)
            self._answer(504, b"too late")
        elif mode == "trickle":
            self._trickle()
        else:
            if mode == "slow-tenant" and SLOW_METRIC in self.path.encode() + body:
                self.state.wait(mode, SLOW_TENANT_SECONDS)
            status, answer = self._ask(body)
            self._answer(status, spoilt(mode, answer) if status == 200 else answer)

    def _ask(self, body: bytes) -> tuple[int, bytes]:
        connection = HTTPConnection(self.upstream.netloc, timeout=10)
        kept = {k: v for k, v in self.headers.items() if k in ("Content-Type", "Accept")}
        try:
            connection.request(self.command, self.path, body or None, kept)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError as error:
            return 502, str(error).encode()
        finally:
            connection.close()

    def _trickle(self) -> None:
        """A byte a second: a time limit for each read is never reached."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(int(SLOW_SECONDS)):
            try:
                self.wfile.write(b" ")
            except OSError:  # nobody waits for it any more
                return
            if not self.state.wait("trickle", 1.0):
                return

    def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Several queries a second are no news."""


def spoilt(mode: str, answer: bytes) -> bytes:
    """Return the real answer with its results taken away, turned into NaN, or doubled."""
    told: dict[str, Any] = json.loads(answer)
    found: list[dict[str, Any]] = told["data"]["result"]
    if mode == "empty":
        found = []
    if mode == "nan":
        found = [{**entry, "value": [entry["value"][0], "NaN"]} for entry in found]
    if mode == "many":  # as from two replicas of Prometheus that nobody merges
        twins = ({**e, "metric": {**e["metric"], "replica": "b"}} for e in found)
        found = [*found, *twins]
    told["data"]["result"] = found
    return json.dumps(told).encode()


def main() -> None:
    serve(Proxy, int(os.environ.get("PORT", "9090")))


if __name__ == "__main__":
    main()
