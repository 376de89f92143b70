"""What the signals ask Prometheus: four queries, in PromQL, for many ModelDeployments at once.

`increase(x[w]) and x` leaves out series that have ended: pods of an earlier try of the same
revision must not speak for the present one. Of two series of one pod, as from two replicas of a
Prometheus that nobody merged or from two scrape jobs, the larger counts: nothing is counted twice.
The label `namespace`, where the scraper sets one, stays in the answer: `own` holds it against the
ModelDeployment's, so that no pod speaks for another tenant's.
Neighbours: `adapters.prometheus` sends them; the signals read the samples.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ...observed import Problem, RevisionReadings, Sample

_POD: Final = "instance, pod, version"  # what tells two pods' series apart, and two versions'


@dataclass(frozen=True)
class Query:
    """The increase of a counter over the window, by some of its labels, for each revision."""

    name: str
    metric: str
    by: tuple[str, ...]

    def promql(self, window: float, model_deployments: Iterable[str]) -> str:
        """Return the text for a window in seconds, of some "namespace/name"."""
        names = "|".join(sorted(model_deployments))  # names of Kubernetes need no escaping
        series = f'{self.metric}{{model_deployment=~"{names}"}}'
        by = ", ".join((*self.by, "namespace", "model_deployment", "revision"))
        increase = f"increase({series}[{round(window * 1000)}ms]) and {series}"
        return f"sum by ({by}) (max by ({_POD}, {by}) ({increase}))"

    def of(self, readings: RevisionReadings) -> tuple[Sample, ...]:
        """Return the samples of one revision; none where nothing is known."""
        return readings.samples.get(self.name, ())

    def several(self, samples: Iterable[Sample]) -> Problem | None:
        """Tell of two series of one revision where one was asked for: they would count twice.

        As when two jobs scrape the pods and only one of them sets `namespace`, or when something
        before Prometheus joins the answers of two.
        """
        parts = [tuple(labels.get(part, "") for part in self.by) for labels, _ in samples]
        if len(set(parts)) == len(parts):
            return None
        text = f"Prometheus gave several series of {self.metric} for one: it is scraped twice"
        return Problem("ManySeries", text)


PREDICTIONS: Final = Query("predictions", "predictions_total", ("status", "model"))
LATENCIES: Final = Query("latencies", "prediction_latency_seconds_bucket", ("le", "model"))
CLASSES: Final = Query("classes", "predicted_class_total", ("model", "class"))
FEEDBACK: Final = Query("feedback", "prediction_feedback_total", ("outcome",))


def own(samples: Iterable[Sample]) -> dict[tuple[str, str], tuple[Sample, ...]]:
    """Return (model_deployment, revision) → samples, without those that aren't to be believed.

    Left out are values that are no numbers, and series of pods in another namespace than the
    ModelDeployment they claim to belong to.
    """
    found: dict[tuple[str, str], list[Sample]] = {}
    for labels, value in samples:
        name = labels.get("model_deployment", "")
        scraped = labels.get("namespace", "")
        if math.isfinite(value) and scraped in ("", name.partition("/")[0]):
            found.setdefault((name, labels.get("revision", "")), []).append((labels, value))
    return {key: tuple(mine) for key, mine in found.items()}
