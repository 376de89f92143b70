"""The requests in flight, on the real PromQL: KEDA's query, and the rule for prometheus-adapter.

A pod's sum of latencies grows by one a second for each request in flight, so the series here are
written down as that. That the server's own sum does so is for
`tests/server/observability/test_in_flight.py`.
"""

import json
from pathlib import Path

import yaml

from dev.cluster.paths import REPOSITORY
from transit_operator.core.objects.build import Owner
from transit_operator.core.objects.scaling import scaled_object
from transit_operator.core.objects.scaling.autoscaler import CONCURRENCY

from .test_documented import examples
from .test_rules import Series, promtool, rate

OWNER = Owner("ml", "kepler", "uid-1")
GUIDE = REPOSITORY / "docs" / "guides" / "autoscaling.md"


def series(
    pod: str, in_flight: float, model: str = "forest", job: str = "servers", **labels: str
) -> Series:
    """A pod that has so many requests in flight at one model."""
    said = {
        "model_deployment": "ml/kepler",
        "revision": "a",
        "model": model,
        "version": "1.0.0",
        "namespace": "ml",
        "pod": pod,
        "instance": f"{pod}:8081",
        "job": job,
    } | labels
    text = ", ".join(f'{label}="{value}"' for label, value in said.items())
    return {f"{scaled_object.SECONDS}{{{text}}}": rate(in_flight)}


PODS = (
    series("p1", 3)
    | series("p1", 3, job="scraped twice")
    | series("p1", 2, model="net")
    | series("p2", 4)
    | dict.fromkeys(series("gone", 10), "0+150x50")  # it ended half an hour before
    | series("elsewhere", 7, namespace="other")
    | series("q1", 5, revision="b")
)


def holds(folder: Path, query: str, expected: dict[str, float]) -> None:
    """Ask for a query's answer: label set → value."""
    asked = {
        "expr": query,
        "eval_time": "39m",
        "exp_samples": [{"labels": key, "value": value} for key, value in expected.items()],
    }
    inputs = [{"series": name, "values": values} for name, values in PODS.items()]
    test = {"interval": "15s", "input_series": inputs, "promql_expr_test": [asked]}
    (folder / "tests.yaml").write_text(json.dumps({"fuzzy_compare": True, "tests": [test]}))
    promtool("test", "rules", folder / "tests.yaml")


def test_keda_asks_for_all_that_is_in_flight_in_one_revision(tmp_path: Path) -> None:
    query = scaled_object.in_flight(OWNER, "a", "namespace")
    holds(tmp_path, query, {"{}": 9})


def test_keda_gets_no_answer_where_nothing_is_scraped(tmp_path: Path) -> None:
    """And is told to take that for an error, not for no load."""
    holds(tmp_path, scaled_object.in_flight(OWNER, "c", "namespace"), {})


def test_the_rule_of_the_guide_gives_each_pod_its_own(tmp_path: Path) -> None:
    (rule,) = (
        one
        for example in examples(GUIDE)
        if isinstance(example.content, dict)
        for one in example.content.get("rules", [])
    )
    assert rule["name"] == {"as": CONCURRENCY}
    assert set(rule["resources"]["overrides"]) == {"namespace", "pod"}
    query = rule["metricsQuery"]
    # As the adapter fills them in where an autoscaler asks for pods of a namespace.
    for name, text in {
        "Series": rule["seriesQuery"].partition("{")[0],
        "LabelMatchers": 'namespace="ml",pod=~"p1|p2"',
        "GroupBy": "pod",
    }.items():
        query = query.replace(f"<<.{name}>>", text)
    assert "<<" not in yaml.safe_dump(query)
    holds(tmp_path, query, {'{pod="p1"}': 5, '{pod="p2"}': 4})
