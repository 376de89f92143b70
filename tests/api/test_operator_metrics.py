"""The installed operators' probes and metrics, and the chart's alerts on the real Prometheus."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dev.client.kube import Kube
from dev.cluster.paths import REPOSITORY
from tests.chart.queries import of_rules
from tests.support import NEVER_READY, SYSTEM, eventually, model_deployment

PODS = "app.kubernetes.io/name=transit-operator"
PAGE = REPOSITORY / "docs/reference/metrics.md"
ONLY_SOMETIMES = {  # during a rollout, or with receivers
    "transit_modeldeployment_phase",
    "transit_modeldeployment_weight",
    "transit_modeldeployment_revision",
    "transit_modeldeployment_problem",
    "transit_signal_value",
    "transit_signal_threshold",
    "transit_notifications_waiting",
}
DOCUMENTED = re.compile(r"`(transit_[a-z_]+)(?:\{[^}]*\})?`")


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def ask(port: int, query: str) -> list[dict[str, Any]]:
    """Ask Prometheus; an error in the query raises HTTPError."""
    found = json.loads(get(port, f"/api/v1/query?query={urllib.parse.quote(query)}"))
    assert found["status"] == "success"
    result: list[dict[str, Any]] = found["data"]["result"]
    return result


def holder(kube: Kube) -> str:
    """The leader's pod; both operators are up and one of them holds the Lease."""

    def look() -> str | None:
        pods = (kube.find("-n", SYSTEM, "pods", "-l", PODS) or {})["items"]
        lease = kube.find("-n", SYSTEM, "lease", "transit-operator") or {"spec": {}}
        name = lease["spec"].get("holderIdentity", "").rpartition("_")[0]
        names = [p["metadata"]["name"] for p in pods if "deletionTimestamp" not in p["metadata"]]
        return name if len(names) == 2 and name in names else None

    found: str = eventually("one of two operators leads", look, 60)
    return found


@pytest.fixture
def prometheus(kube: Kube) -> Iterator[int]:
    with kube.forward("monitoring", "service/prometheus", 9090) as port:
        yield port


def test_a_leader_tells_of_the_fleet_and_forgets_what_is_deleted(
    operator: Kube, namespace: str
) -> None:
    leader = holder(operator)
    operator.apply(model_deployment("m", namespace, **NEVER_READY))
    mine = f'model_deployment="{namespace}/m"'
    with operator.forward(SYSTEM, f"pod/{leader}", 8080) as port:
        assert get(port, "/healthz") == get(port, "/readyz") == "ok\n"
        line = f'transit_modeldeployment_phase{{{mine},phase="Pending"}} 1'
        eventually("its phase", lambda: line in get(port, "/metrics"))
        page = get(port, "/metrics")
        names = {family.name for family in text_string_to_metric_families(page)}
        told = set(DOCUMENTED.findall(PAGE.read_text()))
        assert {name.removesuffix("_total") for name in told} <= names
        assert re.search(r'transit_kubernetes_requests_total\{code="20[01]",method="PATCH"\}', page)
        operator("-n", namespace, "delete", "mdep", "m", "--timeout=20s")
        eventually("it is forgotten", lambda: mine not in get(port, "/metrics"))


def test_a_follower_is_ready_and_says_that_it_follows(operator: Kube) -> None:
    leader = holder(operator)
    pods = (operator.find("-n", SYSTEM, "pods", "-l", PODS) or {})["items"]
    (follower,) = [p["metadata"]["name"] for p in pods if p["metadata"]["name"] != leader]
    with operator.forward(SYSTEM, f"pod/{follower}", 8080) as port:
        assert get(port, "/healthz") == get(port, "/readyz") == "ok\n"
        page = get(port, "/metrics")
    assert f'\ntransit_leader{{lease="{SYSTEM}/transit-operator"}} 0\n' in page
    assert "transit_modeldeployment_phase" not in page


def test_prometheus_scrapes_both_and_knows_one_leader(operator: Kube, prometheus: int) -> None:
    holder(operator)

    def leaders() -> list[str]:
        found = ask(prometheus, f'transit_leader{{namespace="{SYSTEM}"}}')
        return sorted(series["value"][1] for series in found)

    eventually("two operators, one of which leads", lambda: leaders() == ["0", "1"], 60, 1)


@pytest.mark.parametrize("alert", of_rules())
def test_an_alert_of_the_chart_is_understood(operator: Kube, prometheus: int, alert: str) -> None:
    """And it asks the operator for series that there are, or it would be quiet for ever."""
    holder(operator)
    expression = of_rules()[alert]
    ask(prometheus, expression)
    for name in set(re.findall(r"transit_[a-z_]+", expression)) - ONLY_SOMETIMES:
        eventually(f"series of {name}", partial(ask, prometheus, name), 60, 1)
