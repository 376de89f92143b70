"""The alerts on the real PromQL: each fires for what it is about, and is quiet for what is near it.

`promtool test rules` plays series of 40 minutes to the rules as the chart renders them.
"""

import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from dev.cluster.programs import gobuild

from .helm import found, render

INSTANCE = 'instance="10.0.0.1:8080"'
LEADER = f'transit_leader{{lease="transit-system/transit-operator", {INSTANCE}}}'
OTHER = 'instance="10.0.0.2:8080"'
MINE = f'model_deployment="ml/kepler", {INSTANCE}'
SERVER = 'model_deployment="ml/kepler", revision="a", model="forest", version="1.0.0"'
FIRING = 'ALERTS{{alertname="{}", alertstate="firing"}}'
Series = dict[str, str]  # a series → its values in promtool's notation, each 15 s


def always(value: float) -> str:
    return f"{value}x160"


def rate(per_second: float) -> str:
    return f"0+{15 * per_second}x160"


class Case(NamedTuple):
    """Series for which an alert fires, and series for which it does not; a leader is there."""

    fires: Series
    quiet: Series


def phase(name: str) -> Series:
    return {f'transit_modeldeployment_phase{{{MINE}, phase="{name}"}}': always(1)}


def problem(condition: str, reason: str) -> Series:
    labels = f'{MINE}, condition="{condition}", reason="{reason}"'
    return {f"transit_modeldeployment_problem{{{labels}}}": always(1)}


def predictions(success: float, error: float, refused: float = 0, by_input: float = 0) -> Series:
    counts = {"success": success, "error": error, "refused": refused, "input_error": by_input}
    return {
        f'predictions_total{{{SERVER}, status="{status}"}}': rate(count)
        for status, count in counts.items()
    }


def latency(fast: float, slow: float) -> Series:
    buckets = {"0.5": fast, "2": fast + slow, "+Inf": fast + slow}
    return {
        f'prediction_latency_seconds_bucket{{{SERVER}, le="{le}"}}': rate(count)
        for le, count in buckets.items()
    }


CASES: dict[str, Case] = {
    "TransitNoLeader": Case(
        {LEADER: always(0)}, {f'transit_leader{{lease="b/c", {OTHER}}}': "1x160"}
    ),
    "TransitNotLooking": Case(
        {f"transit_last_look_age_seconds{{{INSTANCE}}}": rate(1)},
        {f"transit_last_look_age_seconds{{{OTHER}}}": rate(1)},
    ),
    "TransitQueueGrows": Case(
        {f"transit_queue_depth{{{INSTANCE}}}": always(101)},
        {f"transit_queue_depth{{{INSTANCE}}}": always(99)},
    ),
    "TransitErrors": Case(
        {f'transit_reconcile_errors_total{{{INSTANCE}, kind="Refused"}}': rate(0.2)},
        {f'transit_reconcile_errors_total{{{INSTANCE}, kind="Conflict"}}': rate(9)},
    ),
    "TransitSlow": Case(
        {
            f'transit_reconcile_seconds_bucket{{{INSTANCE}, le="{le}"}}': rate(count)
            for le, count in (("10", 90), ("30", 100), ("+Inf", 100))
        },
        {
            f'transit_reconcile_seconds_bucket{{{INSTANCE}, le="{le}"}}': rate(count)
            for le, count in (("1", 99.5), ("30", 100), ("+Inf", 100))
        },
    ),
    "TransitPrometheusFails": Case(
        {
            f'transit_prometheus_queries_total{{{INSTANCE}, result="ok"}}': rate(7),
            f'transit_prometheus_queries_total{{{INSTANCE}, result="PrometheusSlow"}}': rate(3),
        },
        {
            f'transit_prometheus_queries_total{{{INSTANCE}, result="ok"}}': rate(9),
            f'transit_prometheus_queries_total{{{INSTANCE}, result="PrometheusSlow"}}': rate(1),
        },
    ),
    "TransitNothingServes": Case(phase("Failed"), phase("Pending")),
    "TransitNotComingUp": Case(phase("Pending"), phase("Progressing")),
    "TransitRolledBack": Case(phase("RolledBack"), phase("RollingBack")),
    "TransitNotAccepted": Case(
        problem("Accepted", "ResolverFailing"), problem("Accepted", "ResolvingVersions")
    ),
    "TransitRouteNotAccepted": Case(
        problem("RouteAccepted", "NoMatchingParent"), problem("Accepted", "Refused")
    ),
    "TransitBlind": Case(
        problem("MetricsAvailable", "NoSeries"), problem("ScalingActive", "NoSeries")
    ),
    "TransitReceiverNotTold": Case(
        {f'transit_notifications_waiting{{receiver="slack", {INSTANCE}}}': always(2)},
        {f'transit_notifications_waiting{{receiver="slack", {INSTANCE}}}': "2 2 0 " * 53},
    ),
    "TransitNotScaling": Case(
        problem("ScalingActive", "FailedGetResourceMetric"), problem("Stalled", "RolledBack")
    ),
    "TransitModelErrors": Case(predictions(90, 4, by_input=6), predictions(98, 1, by_input=1)),
    "TransitModelSlow": Case(latency(90, 10), latency(96, 4)),
    "TransitModelNotReady": Case(
        {f"model_ready{{{SERVER}, {INSTANCE}}}": always(0)},
        {f"model_ready{{{SERVER}, {INSTANCE}}}": always(1)},
    ),
    "TransitModelQueue": Case(
        {f"model_queue_rows{{{SERVER}}}": always(3)},
        {f"model_queue_rows{{{SERVER}}}": "50 50 0 " * 53},
    ),
    "TransitModelTurnsAway": Case(predictions(9, 0, 1), predictions(999, 0, 1)),
    "TransitModelCircuitOpen": Case(
        {f'model_circuit_state{{{SERVER}, state="open"}}': always(1)},
        {f'model_circuit_state{{{SERVER}, state="closed"}}': always(1)},
    ),
    "TransitStoreUnreachable": Case(
        {f"model_store_failures_total{{{SERVER}}}": rate(0.1)},
        {f"model_store_failures_total{{{SERVER}}}": always(7)},
    ),
}


def rules(folder: Path, **values: Any) -> Path:
    """The rules that the chart makes, as a file for Prometheus."""
    made = found(render({**values, "prometheusRule": {"enabled": True}}), "PrometheusRule")
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(made["spec"]))
    return file


def promtool(*arguments: object) -> str:
    program = gobuild.PROGRAMS["promtool"].path
    if not program.exists():
        pytest.fail("there is no promtool: python3 -m dev.cluster build promtool")
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def played(folder: Path, file: Path, expected: dict[str, tuple[Series, str, int]]) -> None:
    """Play series, and count in how many labels an alert fires at the end."""
    tests = [
        {
            "name": name,
            "interval": "15s",
            "input_series": [{"series": s, "values": v.strip()} for s, v in series.items()],
            "promql_expr_test": [
                {
                    "expr": f"count({FIRING.format(alert)}) or vector(0)",
                    "eval_time": "39m",
                    "exp_samples": [{"labels": "{}", "value": count}],
                }
            ],
        }
        for name, (series, alert, count) in expected.items()
    ]
    asked = {"rule_files": [str(file)], "evaluation_interval": "15s", "tests": tests}
    (folder / "tests.yaml").write_text(json.dumps(asked))
    promtool("test", "rules", folder / "tests.yaml")


def names(file: Path) -> list[str]:
    groups = yaml.safe_load(file.read_text())["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"]]


def test_they_are_well_written(tmp_path: Path) -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", rules(tmp_path))
    promtool(
        *("check", "rules", "--lint=all", "--lint-fatal"),
        rules(tmp_path, config={"namespaces": ["ml", "vision"]}),
    )


def test_none_is_untried(tmp_path: Path) -> None:
    assert sorted(names(rules(tmp_path))) == sorted(CASES)


@pytest.mark.parametrize("values", [{}, {"config": {"namespaces": ["ml"]}}], ids=["all", "named"])
def test_each_fires_for_what_it_is_about_and_for_nothing_near(
    tmp_path: Path, values: dict[str, Any]
) -> None:
    expected = {}
    for alert, case in CASES.items():
        expected[f"{alert} fires"] = ({LEADER: always(1)} | case.fires, alert, 1)
        expected[f"{alert} is quiet"] = ({LEADER: always(1)} | case.quiet, alert, 0)
    expected["nobody is scraped"] = ({}, "TransitNoLeader", 1)
    played(tmp_path, rules(tmp_path, **values), expected)


def test_another_releases_trouble_is_its_own(tmp_path: Path) -> None:
    """A second operator, and servers in namespaces that this release does not watch."""
    file = rules(tmp_path, config={"namespaces": ["vision", "m"]})
    theirs = {
        f"{alert}: theirs": (
            {LEADER.replace("10.0.0.1", "10.0.0.9"): always(1)} | case.fires,
            alert,
            0,
        )
        for alert, case in CASES.items()
        if alert != "TransitNoLeader"
    }
    played(tmp_path, file, theirs)
