"""An API server of recorded objects, and the Prometheus behind it, for a page that runs for real.

The page is a process of its own that talks HTTP to this. What it reads is what the operator's own
rules write: each ModelDeployment is a `World` of the unit tests, and an annotation that is patched
is a command that the world carries out. For states that a cluster shows seldom, for a thousand
ModelDeployments, and to count what is asked. On a real cluster: tests/cli/test_dashboard.py.
"""

import json
import re
import threading
import uuid
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.page.figures import answer
from tests.unit.cli.seen import Object, pods_of, seen
from tests.unit.world import World
from transit_operator.core.times import rfc3339

GROUP = "/apis/transit.dev/v1alpha1"
ONE = re.compile(rf"{GROUP}/namespaces/([^/]+)/modeldeployments/([^/]+)")
ALL = re.compile(rf"{GROUP}(?:/namespaces/([^/]+))?/modeldeployments")
RECORD = re.compile(r"/apis/apps/v1/namespaces/[^/]+/controllerrevisions/(.+)-([0-9a-f]+)")
Key = tuple[str, str]


class Stage:
    """The objects. `asked` counts requests by what they were about.

    `refusing` has the status with which paths are refused that have a text in them.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.refusing: dict[str, int] = {}
        self.worlds: dict[Key, World] = {}
        self.objects: dict[Key, Object] = {}
        self._news: list[tuple[int, str, Object]] = []
        self._version = 0
        self._changed = threading.Condition()
        stage = self

        class Handler(_Handler):
            """Bound to this stage."""

            def __init__(self, *arguments: Any) -> None:
                self.stage = stage
                super().__init__(*arguments)

        self._handler = Handler
        self._port = 0
        self.speak_again()
        self.url = f"http://127.0.0.1:{self._port}"

    def speak_again(self) -> None:
        """Answer, at the same address as before."""
        self.silent = False
        self._server = _Server(("127.0.0.1", self._port), self._handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def fall_silent(self) -> None:
        """Answer nothing any more, and end what is under way."""
        self.silent = True
        self._server.shutdown()
        self._server.server_close()
        with self._changed:
            self._changed.notify_all()

    def put(self, name: str, world: World, namespace: str = "ml") -> None:
        """Show a world as it is now."""
        with self._changed:
            key = (namespace, name)
            self.worlds[key] = world
            self._version += 1
            found = seen(world, name)
            found["metadata"] |= {
                "namespace": namespace,
                "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{namespace}/{name}")),
                "resourceVersion": str(self._version),
                **({"annotations": {"transit.dev/action": world.action}} if world.action else {}),
            }
            kind = "MODIFIED" if key in self.objects else "ADDED"
            self.objects[key] = found
            self._news.append((self._version, kind, found))
            self._changed.notify_all()

    def remove(self, name: str, namespace: str = "ml") -> None:
        """Delete one."""
        with self._changed:
            self._version += 1
            gone = self.objects.pop((namespace, name))
            gone = {**gone, "metadata": gone["metadata"] | {"resourceVersion": str(self._version)}}
            self._news.append((self._version, "DELETED", gone))
            self._changed.notify_all()

    def act(self, key: Key, action: str) -> Object:
        """Carry out a command, by the operator's own rules."""
        world = self.worlds[key]
        world.action = action
        world.settle()
        self.put(key[1], world, key[0])
        return self.objects[key]

    def listed(self, namespace: str | None = None, name: str | None = None) -> Object:
        """Return the list of a namespace or of all, or those of a name in it."""
        with self._changed:
            items = [
                found
                for (where, called), found in self.objects.items()
                if namespace in (None, where) and name in (None, called)
            ]
            return {"metadata": {"resourceVersion": str(self._version)}, "items": items}

    def since(self, version: int, patience: float) -> list[tuple[int, str, Object]]:
        """Return what came after a version; waits for it."""
        with self._changed:
            self._changed.wait_for(lambda: self._version > version or self.silent, patience)
            return [one for one in self._news if one[0] > version]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    stage: Stage
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Read, list or watch."""
        path, query = self._asked(urlsplit(self.path).query)
        if ALL.fullmatch(path) and query.get("watch"):
            self.stage.asked["watch"] += 1
            self._watch(int(query["resourceVersion"]))
            return
        found = self._read(path)
        refused = next((s for part, s in self.stage.refusing.items() if part in path), None)
        if refused is not None:
            self._json({"message": f"{path} is refused"}, refused)
        elif found is None:
            self._json({"message": f"{path} not found"}, 404)
        else:
            self._json(found)

    def do_PATCH(self) -> None:
        """Give a command."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        named = ONE.fullmatch(urlsplit(self.path).path)
        assert named is not None, self.path
        action = body["metadata"]["annotations"]["transit.dev/action"]
        self.stage.asked["patch"] += 1
        self._json(self.stage.act((named[1], named[2]), action))

    def do_POST(self) -> None:
        """Ask Prometheus."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        path, query = self._asked(body)
        self.stage.asked[f"{path} {query['query']}"] += 1
        self._json({"status": "success", "data": {"result": answer(query, self.stage.worlds)}})

    def log_message(self, *arguments: object) -> None:
        """Say nothing: what was asked is counted."""

    def _asked(self, query: str) -> tuple[str, dict[str, str]]:
        path = unquote(urlsplit(self.path).path)
        return path, {key: values[0] for key, values in parse_qs(query).items()}

    def _read(self, path: str) -> Object | None:
        stage = self.stage
        about = parse_qs(urlsplit(self.path).query)
        if within := ALL.fullmatch(path):
            stage.asked["list"] += 1
            field = about.get("fieldSelector", [""])[0].partition("metadata.name=")[2]
            return stage.listed(within[1], field or None)
        if named := ONE.fullmatch(path):
            return stage.objects.get((named[1], named[2]))
        if record := RECORD.fullmatch(path):
            return _record(record[2], [w for (_, n), w in stage.worlds.items() if n == record[1]])
        if path.endswith("/pods"):
            stage.asked["pods"] += 1
            name = about["labelSelector"][0].partition("=")[2].partition(",")[0]
            return {"items": pods_of(stage.worlds[path.split("/")[4], name])}
        if path.endswith("/events"):
            name = about["fieldSelector"][0].rpartition("=")[2]
            return {"items": _events(stage.worlds[path.split("/")[4], name])}
        return {"items": []} if path.endswith("/configmaps") else None

    def _watch(self, version: int) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while not self.stage.silent:
                for number, kind, found in self.stage.since(version, 5.0):
                    version = number
                    line = json.dumps({"type": kind, "object": found}).encode() + b"\n"
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
        except OSError:  # the page has ended
            pass
        self.close_connection = True

    def _json(self, found: Object, status: int = 200) -> None:
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)


def _record(revision: str, worlds: list[World]) -> Object | None:
    """Return what a revision was resolved to, as the operator keeps it."""
    for world in worlds:
        record = world.records.get(revision)
        if record is not None:
            models = [m.model_dump(mode="json", exclude_none=True) for m in record.models]
            return {"data": {"models": models, "server": {"image": "server:1.0.0"}}}
    return None


def _events(world: World) -> list[Object]:
    """Return the history as the Events that the operator makes of it."""
    return [
        {
            "metadata": {"creationTimestamp": rfc3339(world.now)},
            "type": "Warning" if one.reason == "Rejected" else "Normal",
            "reason": one.reason,
            "message": one.message,
            "lastTimestamp": one.time,
            "count": 1,
        }
        for one in world.status.history
    ]
