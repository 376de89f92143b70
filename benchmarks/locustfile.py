"""The deployment guide's load for Locust: users who wait one to three seconds between requests.

    locust -f benchmarks/locustfile.py --host http://127.0.0.1:8000 --users 100 --spawn-rate 10

Answers are counted by the revision that gave them. Neighbour: `guide` runs it in an environment of
its own, which has Locust and nothing of this project, during a rollout.
"""

import json
import random
from argparse import ArgumentParser
from pathlib import Path

from locust import HttpUser, between, events, task

PATH = "/api/v1/predict"
REVISION_HEADER = "X-Transit-Revision"
FEATURES = 784


@events.init_command_line_parser.add_listener
def _options(parser: ArgumentParser) -> None:
    parser.add_argument("--virtual-host", default="", help="the host name that the gateway knows")
    parser.add_argument("--rows", default="", help="a file with a body in each line; else noise")


class ModelUser(HttpUser):
    """One client."""

    wait_time = between(1, 3)

    def on_start(self) -> None:
        """Read what to send."""
        options = self.environment.parsed_options
        self.client.headers["Content-Type"] = "application/json"
        if options.virtual_host:
            self.client.headers["Host"] = options.virtual_host
        self.rows = Path(options.rows).read_text().splitlines() if options.rows else []

    @task
    def predict(self) -> None:
        """Ask for one prediction, by the model that the server takes for `auto`."""
        with self.client.post(PATH, data=self._body(), catch_response=True) as answer:
            revision = answer.headers.get(REVISION_HEADER, "nobody known")
            answer.request_meta["name"] = revision

    def _body(self) -> str:
        if self.rows:
            return random.choice(self.rows)  # noqa: S311 - nothing is kept secret by it
        return json.dumps({"features": [random.gauss(0, 1) for _ in range(FEATURES)]})
