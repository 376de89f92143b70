"""Serves the series that real model servers would, for the rollouts under way and no others.

Run by `plane.py`: `exporter.py PORT FILE`. The file is a JSON list of {"model_deployment",
"revision"}; it is read at each scrape. All counters grow at fixed rates, alike for every revision:
20 answers a second, 5 ms each, three classes evenly. Names, labels and buckets are those of
`transit_server.observability.metrics`, and `namespace` as a scrape of pods sets it.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from transit_server.observability.metrics import latency_buckets

RATE = 20.0
LATENCY = 0.005
CLASSES = ("a", "b", "c")

_BOUNDS = [(format(bound, "g"), bound >= LATENCY) for bound in latency_buckets()]


def exposition(targets: list[dict[str, str]], seconds: float) -> str:
    """Return the text format for revisions that have served for some seconds."""
    count = round(RATE * seconds)
    lines: list[str] = []
    for target in targets:
        name = target["model_deployment"]
        labels = (
            f'model_deployment="{name}",revision="{target["revision"]}"'
            f',namespace="{name.partition("/")[0]}",model="random_forest",version="1.0.0"'
        )
        lines.append(f'predictions_total{{{labels},status="success"}} {count}')
        lines.append(f'predictions_total{{{labels},status="error"}} 0')
        lines += [
            f'prediction_latency_seconds_bucket{{{labels},le="{bound}"}} {count if over else 0}'
            for bound, over in _BOUNDS
        ]
        lines.append(f'prediction_latency_seconds_bucket{{{labels},le="+Inf"}} {count}')
        lines.append(f"prediction_latency_seconds_count{{{labels}}} {count}")
        lines += [
            f'predicted_class_total{{{labels},class="{name}"}} {count // len(CLASSES)}'
            for name in CLASSES
        ]
    return "\n".join(lines) + "\n"


def serve(port: int, file: Path) -> None:
    """Answer scrapes on loopback until the process is ended."""
    started = time.monotonic()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            targets = json.loads(file.read_text())
            body = exposition(targets, time.monotonic() - started).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are no news."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
