"""`docs/reference/metrics.md`: every metric of operator and server, as the programs expose them."""

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from transit_operator.runtime.telling.metrics import Facts
from transit_operator.runtime.telling.metrics import Metrics as OperatorMetrics
from transit_server.observability.http_requests import HttpRequests
from transit_server.observability.metrics import Metrics as ServerMetrics

from .words import cell, head, row, table

NAME = "ml/kepler"
# a rollout with one of everything, so that each family has a series that shows its labels
MDEP = {
    "metadata": {"namespace": "ml", "name": "kepler"},
    "status": {
        "phase": "Progressing",
        "stable": {"revision": "a"},
        "conditions": [{"type": "Accepted", "status": "False", "reason": "Refused"}],
        "traffic": [{"revision": "a", "weight": 100}],
        "signals": [{"signal": "drift", "value": 0.1, "threshold": 0.3}],
    },
}
FACTS = Facts(True, 0.0, "a/b", unrecorded=0, untold={"slack": 0}, mdeps=[MDEP])
SERVER = (
    "Every server has them on its second port, at `/metrics`. What is counted as which outcome, and"
    " why: [the inference server](server.md#errors)."
)
OPERATOR = (
    'At `/metrics` on port 8080 of each operator. `model_deployment` is "namespace/name", as in the'
    " servers' metrics, so that both can be joined. How to read them, and the alerts on them:"
    " [operations](../guides/operations.md#the-operators-metrics)."
)


def text() -> str:
    """Return the page."""
    return (
        head(
            "Metrics",
            "what both programs expose",
            "Names and labels are kept from one version to the next.",
        )
        + f"\n## The operator's\n\n{OPERATOR}\n\n"
        + _table(_operator())
        + f"\n## A server's\n\n{SERVER}\n\n"
        + _table(_server())
    )


def operator_page() -> str:
    """Return what an operator with one rollout exposes."""
    metrics = OperatorMetrics()
    metrics.request("GET", "200")
    metrics.notifications_sent.labels("slack")
    metrics.notification_failures.labels("slack")
    metrics.notifications_dropped.labels("slack")
    return metrics.page(FACTS).decode()


def server_page() -> str:
    """Return what a server with one model exposes."""
    metrics = ServerMetrics(NAME, "a")
    requests = HttpRequests(NAME, "a")
    requests.count("/api/v1/predict", 200)
    metrics.registry.register(requests)
    model = metrics.model("forest", "1.0.0")
    model.took(0.1)
    model.serves("0" * 64)
    model.differs(0)
    model.requests.has_classes(["planet"])
    metrics.refused("unauthorized", "")
    metrics.prediction_log()
    metrics.answer_cache().of("forest", "1.0.0")
    metrics.feedback.count("a", "forest", "1.0.0", "correct")
    return metrics.expose().decode()


def _operator() -> list[Metric]:
    return [one for one in _families(operator_page()) if one.name.startswith("transit_")]


def _server() -> list[Metric]:
    return _families(server_page())


def _families(page: str) -> list[Metric]:
    return sorted(text_string_to_metric_families(page), key=lambda family: family.name)


def _table(families: list[Metric]) -> str:
    rows = (
        row(f"`{_name(family)}{_labels(family)}`", family.type, cell(family.documentation))
        for family in families
    )
    return table("Metric", "Type", "Meaning") + "".join(rows)


def _name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(family: Metric) -> str:
    names = [name for sample in family.samples[:1] for name in sample.labels if name != "le"]
    return f"{{{','.join(names)}}}" if names else ""
