"""Rules and dashboards ask for metrics and labels that operator and server really have."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dev.reference.metrics import FACTS
from transit_operator.runtime.telling.metrics import Metrics as OperatorMetrics
from transit_server.observability.http_requests import HttpRequests
from transit_server.observability.metrics import Metrics as ServerMetrics

from .queries import FILES, of_dashboard, of_rules

SCRAPED = {"instance"}  # labels that Prometheus itself gives
SERIES = re.compile(r"\b([a-z]+(?:_[a-z]+)+)(?:\{([^}]*)\})?(?=[\s\[\])]|$)")
NO_SERIES = {"group_left", "model_deployment"}
NAMED = re.compile(r"(\w+)\s*[=!]~?\s*\"")


def exposed() -> dict[str, set[str]]:
    """Every series' name, with its labels."""
    server = ServerMetrics("ml/kepler", "a")
    requests = HttpRequests("ml/kepler", "a")
    requests.count("/api/v1/predict", 200)
    server.registry.register(requests)
    model = server.model("forest", "1.0.0")
    model.took(0.1)
    model.requests.has_classes(["planet"])
    server.refused("unauthorized", "")
    server.feedback.count("a", "forest", "1.0.0", "correct")
    operator = OperatorMetrics()
    operator.request("GET", "200")
    pages = server.expose().decode(), operator.page(FACTS).decode()
    return {
        sample.name: set(sample.labels) | SCRAPED
        for page in pages
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def asked() -> dict[str, list[str]]:
    return {
        "rules": list(of_rules().values()),
        **{file.stem: of_dashboard(file) for file in FILES},
    }


@pytest.mark.parametrize("where", ["rules", *(file.stem for file in FILES)])
def test_every_name_and_label_is_there(where: str) -> None:
    there = exposed()
    for expression in asked()[where]:
        series = [found for found in SERIES.findall(expression) if found[0] not in NO_SERIES]
        assert series, expression
        for name, labels in series:
            assert name in there, expression
            assert set(NAMED.findall(labels)) <= there[name], expression
