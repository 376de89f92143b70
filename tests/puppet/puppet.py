"""A model server that only plays one: the real server's probes and metrics, without a model.

It runs in pods, from the image `test-puppet`, in place of the server's image; standard library
only, since it must start in well under a second. How it behaves is JSON in the environment variable
PUPPET (spec.server.env: another behaviour is another revision), and is changed while it runs by a
POST of the same JSON to /puppet, through the API server's proxy of pods. README.md has the knobs.
Neighbour: `prometheus_proxy.py`, the other half of the image.
"""

import json
import os
import signal
import threading
import time
from bisect import bisect_left
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Behaviour(NamedTuple):
    """What it pretends. A field's name is its knob."""

    rate: float = 20.0
    errors: float = 0.0
    input_errors: float = 0.0
    invalid: float = 0.0
    latency: float = 0.01
    classes: dict[str, float] = {"planet": 0.5, "star": 0.5}  # noqa: RUF012 - never changed
    accuracy: float = 1.0
    value: float = 1.0
    differing: int = 0
    ready: bool = True
    busy: float = 0.0
    exit: int | None = None

    @property
    def answered(self) -> float:
        """The share of predictions that are none of the two kinds of errors."""
        return 1 - self.errors - self.input_errors


class Wrong(Exception):
    """A behaviour that can't be; the message names the knob."""


def changed(behaviour: Behaviour, changes: Any) -> Behaviour:
    """Return the behaviour with some knobs turned.

    Raises:
        Wrong: an unknown knob, or a value out of its range.
    """
    if not isinstance(changes, dict) or not set(changes) <= set(Behaviour._fields):
        raise Wrong(f"need a JSON object with some of {', '.join(Behaviour._fields)}")
    result = behaviour._replace(**changes)
    if result.rate < 0 or result.latency < 0:
        raise Wrong("rate and latency must not be negative")
    shares = (result.errors, result.input_errors, result.invalid, result.accuracy, result.busy)
    if not all(0 <= share <= 1 for share in shares) or result.answered < 0:
        raise Wrong("errors, input_errors, invalid, accuracy and busy are shares: 0 to 1")
    if abs(sum(result.classes.values()) - 1) > 1e-9:
        raise Wrong("the shares of classes must sum to 1")
    return result


def latency_buckets() -> tuple[float, ...]:
    """Return the server's bounds of its histogram, in seconds; test_puppet.py compares them."""
    bounds = [0.00025]
    while bounds[-1] < 30.0:
        step = bounds[-1] * 1.1
        digits = 10 ** (len(f"{int(1 / step)}") + 3)
        bounds.append(int(step * digits) / digits)
    return (*bounds[:-1], 30.0)


class Counters:
    """What Prometheus reads. Counts grow evenly with time, fractions and all: no randomness, so the
    share of errors in any window is exactly the one that was asked for."""

    def __init__(self, behaviour: Behaviour, now: float) -> None:
        self._bounds = latency_buckets()
        self._at = now
        self._lock = threading.Lock()
        self.behaviour = behaviour
        self._success = self._error = self._invalid = self._seconds = 0.0
        self._input_error = 0.0
        self._correct = self._wrong = 0.0
        self._buckets = [0.0] * (len(self._bounds) + 1)
        self._classes = dict.fromkeys(behaviour.classes, 0.0)

    def change(self, changes: Any, now: float) -> None:
        """Behave otherwise from now on. Raises: Wrong."""
        with self._lock:
            behaviour = changed(self.behaviour, changes)
            self._grow(now)
            self.behaviour = behaviour
            for name in behaviour.classes:
                self._classes.setdefault(name, 0.0)

    def expose(self, now: float) -> str:
        """Return the text format of Prometheus as of now."""
        with self._lock:
            self._grow(now)
            return "\n".join([*self._lines(), ""])

    def _grow(self, now: float) -> None:
        """Add what came since the last look."""
        wanted = self.behaviour
        count = wanted.rate * (now - self._at)
        self._at = now
        self._invalid += count * wanted.invalid
        count *= 1 - wanted.invalid  # what is refused is neither measured nor predicted
        self._error += count * wanted.errors
        self._input_error += count * wanted.input_errors
        self._success += count * wanted.answered
        self._correct += count * wanted.answered * wanted.accuracy
        self._wrong += count * wanted.answered * (1 - wanted.accuracy)
        self._seconds += count * wanted.latency
        self._buckets[bisect_left(self._bounds, wanted.latency)] += count
        for name, share in wanted.classes.items():
            self._classes[name] += count * wanted.answered * share

    def _lines(self) -> list[str]:
        constant = {
            "model_deployment": os.environ.get("TRANSIT_MODEL_DEPLOYMENT", ""),
            "revision": os.environ.get("TRANSIT_REVISION", ""),
        }
        lines = [
            f"# TYPE {name} {kind}"
            for name, kind in (
                ("predictions_total", "counter"),
                ("predicted_class_total", "counter"),
                ("prediction_feedback_total", "counter"),
                ("model_ready", "gauge"),
                ("model_dependencies_differing", "gauge"),
                ("model_load_time_seconds", "gauge"),
                ("puppet_value", "gauge"),
            )
        ]
        lines.append(_line("puppet_value", constant, self.behaviour.value))
        histogram = ["# TYPE prediction_latency_seconds histogram"]
        for model in json.loads(os.environ.get("TRANSIT_MODELS", "[]")):
            of = {**constant, "model": model["name"], "version": model["version"]}
            outcomes = (
                ("success", self._success),
                ("error", self._error),
                ("input_error", self._input_error),
                ("invalid", self._invalid),
            )
            lines += [_line("predictions_total", {**of, "status": s}, n) for s, n in outcomes]
            lines += [
                _line("predicted_class_total", {**of, "class": name}, count)
                for name, count in self._classes.items()
            ]
            labels = (("correct", self._correct), ("wrong", self._wrong))
            lines += [
                _line("prediction_feedback_total", {**of, "outcome": o}, n) for o, n in labels
            ]
            lines.append(_line("model_ready", of, float(self.behaviour.ready)))
            differing = float(self.behaviour.differing)
            lines.append(_line("model_dependencies_differing", of, differing))
            lines.append(_line("model_load_time_seconds", of, 0.0))
            histogram += self._histogram(of)
        return lines + histogram

    def _histogram(self, labels: dict[str, str]) -> list[str]:
        name, lines, total = "prediction_latency_seconds", [], 0.0
        bounds = [*map(repr, self._bounds), "+Inf"]
        for bound, count in zip(bounds, self._buckets, strict=True):
            total += count
            lines.append(_line(f"{name}_bucket", {**labels, "le": bound}, total))
        return [
            *lines,
            _line(f"{name}_sum", labels, self._seconds),
            _line(f"{name}_count", labels, total),
        ]


def _line(name: str, labels: dict[str, str], value: float) -> str:
    return f"{name}{{{','.join(f'{k}={json.dumps(v)}' for k, v in labels.items())}}} {value!r}"


class Handler(BaseHTTPRequestHandler):
    """What both ports have in common."""

    counters: Counters

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Probes every second are no news."""


class Probes(Handler):
    """/health/live, /health/ready, /metrics as the server's, on its port for probes."""

    def do_GET(self) -> None:
        behaviour = self.counters.behaviour
        if self.path == "/metrics":
            self._answer(200, self.counters.expose(time.monotonic()))
        elif self.path == "/health/ready":
            self._answer(200 if behaviour.ready else 503, "ready" if behaviour.ready else "unready")
        elif self.path == "/health/live":
            self._answer(200, "alive")
        else:
            self._answer(404, "no such path")


class Knobs(Handler):
    """/puppet reads and turns the knobs, on the server's port for clients."""

    def do_GET(self) -> None:
        if self.path == "/puppet":
            self._answer(200, json.dumps(self.counters.behaviour._asdict()))
        else:
            self._answer(404, "no such path")

    def do_POST(self) -> None:
        text = body_of(self)
        if self.path != "/puppet":
            self._answer(404, "no such path")
            return
        try:
            self.counters.change(json.loads(text), time.monotonic())
        except (Wrong, ValueError, TypeError, AttributeError) as error:
            self._answer(400, str(error))
            return
        behaviour = self.counters.behaviour
        self._answer(200, json.dumps(behaviour._asdict()))
        if behaviour.exit is not None:
            os._exit(behaviour.exit)


def body_of(request: BaseHTTPRequestHandler) -> bytes:
    """Return a request's body, whole or in chunks: the API server's proxy sends chunks."""
    if request.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    body = b""
    while size := int(request.rfile.readline().partition(b";")[0], 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    return body


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """As the base class, but for a look-up of the host's name that can take seconds."""
        self.socket.setsockopt(1, 2, 1)  # SOL_SOCKET, SO_REUSEADDR
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "puppet", self.server_address[1]


def burn(counters: Counters, period: float = 0.1) -> None:
    """Use the share of a CPU that is asked for, until the process ends."""
    while True:
        started, busy = time.monotonic(), counters.behaviour.busy
        until = time.thread_time() + busy * period
        while time.thread_time() < until:
            pass
        time.sleep(max(0.0, started + (period if busy else 1.0) - time.monotonic()))


def serve(handler: type[BaseHTTPRequestHandler], port: int) -> None:
    """Serve until SIGTERM, which ends a process of number 1 only if somebody listens to it."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    Server(("", port), handler).serve_forever()


def main() -> None:
    """Behave as PUPPET says from the start. Ends with a message if it says something wrong."""
    try:
        behaviour = changed(Behaviour(), json.loads(os.environ.get("PUPPET") or "{}"))
    except (Wrong, ValueError) as error:
        raise SystemExit(f"PUPPET: {error}") from error
    if behaviour.exit is not None:
        raise SystemExit(behaviour.exit)
    Handler.counters = Counters(behaviour, time.monotonic())
    threading.Thread(target=burn, args=(Handler.counters,), daemon=True).start()
    probes = Server(("", int(os.environ.get("TRANSIT_PROBE_PORT", "8081"))), Probes)
    threading.Thread(target=probes.serve_forever, daemon=True).start()
    serve(Knobs, int(os.environ.get("TRANSIT_PORT", "8000")))


if __name__ == "__main__":
    main()
