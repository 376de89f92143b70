"""Records and Deployments that are lost are written again as they were, and nothing that runs is
changed for it.
"""

import json
from dataclasses import replace

import pytest

from tests.unit.runtime.written import R1, R2, Api, Live, execute, models, rolling_back, running
from transit_operator.adapters.kubernetes import Refused
from transit_operator.core.observed import Wanted


def test_a_lost_record_is_written_again_from_what_runs() -> None:
    api = Api()
    live = running(R1, "1.0.0")
    record = live.pop(("ControllerRevision", f"m-{R1}"))
    live["Deployment", f"m-{R1}"]["spec"]["template"]["spec"]["containers"][0]["image"] = "old:1"
    decision = replace(rolling_back(), replicas={R1: 3, R2: 1})
    execute(api, live, decision, wanted=Wanted(R2, models("2.0.0")))
    written = api.objects["ControllerRevision", f"m-{R1}"]
    assert written["data"]["models"] == json.loads(json.dumps(record["data"]["models"]))
    assert written["data"]["template"]["spec"]["containers"][0]["image"] == "old:1"
    assert f"Deployment/m-{R1}" not in api.written, "nothing that runs was changed"
    assert f"Deployment/m-{R2}" in api.written, "and the new revision was made"


def test_a_record_and_a_deployment_that_are_both_gone_stop_no_other_revision() -> None:
    api = Api()
    with pytest.raises(Refused, match=f"revision {R1} can't be built again"):
        execute(api, {}, rolling_back(), wanted=Wanted(R2, models("2.0.0")))
    assert f"Deployment/m-{R2}" in api.written


def of_an_earlier_operator(live: Live) -> Live:
    """The same, as operators made it whose servers had one port."""
    for kept_object in live.values():
        data = kept_object.get("data") or kept_object["spec"]
        if "template" in data:
            template = data["template"]
            (container,) = template["spec"]["containers"]
            container["ports"] = container["ports"][:1]
            for probe in ("readinessProbe", "livenessProbe"):
                container[probe]["httpGet"]["port"] = "http"
            template["metadata"]["annotations"]["prometheus.io/port"] = "8000"
    return live


def test_a_new_operator_restarts_no_pod_for_a_new_port() -> None:
    api = Api()
    live = of_an_earlier_operator({**running(R1, "1.0.0"), **running(R2, "2.0.0")})
    execute(api, live, rolling_back())
    assert f"Deployment/m-{R1}" not in api.written


def test_a_lost_deployment_comes_back_with_the_probes_it_had() -> None:
    api = Api()
    live = of_an_earlier_operator({**running(R1, "1.0.0"), **running(R2, "2.0.0")})
    del live["Deployment", f"m-{R1}"]
    execute(api, live, rolling_back())
    template = api.objects["Deployment", f"m-{R1}"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert [port["name"] for port in container["ports"]] == ["http"]
    assert container["livenessProbe"]["httpGet"]["port"] == "http"
    assert template["metadata"]["annotations"]["prometheus.io/port"] == "8000"
