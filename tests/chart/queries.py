"""What the chart's alerts and dashboards ask Prometheus, with values for Grafana's variables."""

import json
from pathlib import Path
from typing import Any

from .helm import CHART, Object, found, render

FILES = sorted((CHART / "dashboards").glob("*.json"))


def panels(file: Path) -> list[dict[str, Any]]:
    """The panels of a dashboard that ask something."""
    return [panel for panel in json.loads(file.read_text())["panels"] if panel["type"] != "row"]


def of_panel(panel: dict[str, Any], model_deployment: str = "ml/kepler") -> list[str]:
    """The queries of a panel, for one ModelDeployment, every model and every signal."""
    queries = [target["expr"] for target in panel["targets"]]
    variables = {
        "$__rate_interval": "1m",
        "$model_deployment": model_deployment,
        "$model": ".+",
        "$signal": ".+",
    }
    for name, value in variables.items():
        queries = [query.replace(name, value) for query in queries]
    return queries


def of_dashboard(file: Path) -> list[str]:
    """The queries of all panels."""
    return [query for panel in panels(file) for query in of_panel(panel)]


def of_rules(values: Object | None = None) -> dict[str, str]:
    """Alert → its expression."""
    rule = found(render({**(values or {}), "prometheusRule": {"enabled": True}}), "PrometheusRule")
    return {one["alert"]: one["expr"] for group in rule["spec"]["groups"] for one in group["rules"]}
