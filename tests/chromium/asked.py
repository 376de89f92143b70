"""What Prometheus itself says of a plot, by queries of the tests' own."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support import Object

WINDOW = "8s"  # as in `scene.SPEC`
_NEWEST = 3
FAILED, PREDICTED = "error|input_error", "success|error|input_error"


@dataclass(frozen=True)
class Asked:
    """Asks one Prometheus about one ModelDeployment."""

    client: httpx.Client
    model_deployment: str

    def errors(self, revision: str) -> str:
        """The share of a revision's predictions that failed, as PromQL."""
        return f"{self._sum(revision, FAILED)} / {self._sum(revision, PREDICTED)}"

    def latency(self, revision: str) -> str:
        """Its p95, as PromQL."""
        series = self._series("prediction_latency_seconds_bucket", revision)
        return f"histogram_quantile(0.95, sum by (le) (increase({series}[{WINDOW}])))"

    def holds(self, promql: str, times: list[float], line: list[float | None]) -> int:
        """How many points of a line Prometheus has, too; each must be the same, but for the newest,
        which were asked for while scrapes were under way.
        """
        step = round(times[1] - times[0], 3)
        body = {"query": promql, "start": times[0], "end": times[-1], "step": step}
        answer = self.client.post("/api/v1/query_range", data=body)
        answer.raise_for_status()
        (series,) = answer.json()["data"]["result"]
        said = {round(float(at), 3): float(value) for at, value in series["values"]}
        compared = 0
        for at, value in list(zip(times, line, strict=True))[:-_NEWEST]:
            if value is not None and round(at, 3) in said:
                assert value == pytest.approx(said[round(at, 3)], rel=1e-6, abs=1e-9), (promql, at)
                compared += 1
        return compared

    def _sum(self, revision: str, statuses: str) -> str:
        series = self._series("predictions_total", revision, f', status=~"{statuses}"')
        return f"sum(increase({series}[{WINDOW}]))"

    def _series(self, metric: str, revision: str, more: str = "") -> str:
        named = f'model_deployment="{self.model_deployment}", revision="{revision}"'
        return f"{metric}{{{named}{more}}}"


def line(plot: Object, name: str) -> list[tuple[float, Any]]:
    """The points of a plot's line that are there."""
    return [(at, v) for at, v in zip(plot["times"], plot[name], strict=True) if v is not None]
