"""What Prometheus is asked, in PromQL, for many ModelDeployments at once: four queries that signals
judge by, and one that is told only.

`increase(x[w]) and x` leaves out series that have ended: pods of an earlier try of the same
revision must not speak for the present one. Of two series of one pod, as from two replicas of a
Prometheus that nobody merged or from two scrape jobs, the larger counts: nothing is counted twice.
The label in which the scraper says the namespace of a pod stays in the answer: `own` holds it
against the ModelDeployment's, so that no pod speaks for another tenant's
(docs/decisions/0046-whose-series-they-are.md).
Neighbours: `adapters.prometheus` sends them; the signals read the samples.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ...observed import Problem, RevisionReadings, Sample

NO_NAMESPACE: Final = "NoNamespace"  # why there is no data
_MOST: Final = 1e15  # what nobody has counted in a window; sums of it are numbers still
_POD: Final = "instance, pod, version"  # what tells two pods' series apart, and two versions'


@dataclass(frozen=True)
class Query:
    """The increase of a counter over the window, by some of its labels, for each revision.

    Of a `gauge` it is the largest value of any pod, and the window says nothing.
    """

    name: str
    metric: str
    by: tuple[str, ...]
    gauge: bool = False

    def promql(self, window: float, model_deployments: Iterable[str], namespace_label: str) -> str:
        """Return the text for a window in seconds, of some "namespace/name"."""
        names = "|".join(sorted(model_deployments))  # names of Kubernetes need no escaping
        series = f'{self.metric}{{model_deployment=~"{names}"}}'
        scraped = (namespace_label,) if namespace_label else ()
        by = ", ".join((*self.by, *scraped, "model_deployment", "revision"))
        if self.gauge:
            return f"max by ({by}) ({series})"
        increase = f"increase({series}[{round(window * 1000)}ms]) and {series}"
        return f"sum by ({by}) (max by ({_POD}, {by}) ({increase}))"

    def of(self, readings: RevisionReadings) -> tuple[Sample, ...]:
        """Return the samples of one revision; none where nothing is known."""
        return readings.samples.get(self.name, ())

    def several(self, samples: Iterable[Sample]) -> Problem | None:
        """Tell of two series of one revision where one was asked for: they would count twice.

        As when something before Prometheus joins the answers of two.
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
DEPENDENCIES: Final = Query("dependencies", "model_dependencies_differing", ("model",), gauge=True)


@dataclass(frozen=True)
class Believed:
    """What an answer says, by (model_deployment, revision), of series that may speak for it.

    `unplaced` are the ModelDeployments of which there were series that don't say where they are
    from.
    """

    samples: Mapping[tuple[str, str], tuple[Sample, ...]]
    unplaced: frozenset[str] = frozenset()


def own(samples: Iterable[Sample], namespace_label: str) -> Believed:
    """Return the samples that are to be believed.

    Left out are values that are no counts, and series of pods that aren't, or may not be, in the
    namespace of the ModelDeployment they claim to belong to. Without a `namespace_label` every
    series is believed.
    """
    found: dict[tuple[str, str], list[Sample]] = {}
    unplaced = set()
    for labels, value in samples:
        name = labels.get("model_deployment", "")
        namespace = name.partition("/")[0]
        scraped = labels.get(namespace_label, "") if namespace_label else namespace
        if not scraped:
            unplaced.add(name)
        elif scraped == namespace and 0 <= value <= _MOST:  # which NaN isn't
            found.setdefault((name, labels.get("revision", "")), []).append((labels, value))
    return Believed({key: tuple(mine) for key, mine in found.items()}, frozenset(unplaced))


def unplaced(query: Query, namespace_label: str) -> Problem:
    """Return why series that are there say nothing."""
    text = (
        f"Prometheus has series of {query.metric}, but none with the label {namespace_label!r}"
        " that says which namespace a pod is in: have the scrape set it from"
        " __meta_kubernetes_namespace, or name the label that it sets in the operator's"
        " configuration (prometheus.namespaceLabel)"
    )
    return Problem(NO_NAMESPACE, text)
