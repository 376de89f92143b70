"""Given a wrong resource, when it is applied, then the API server names the field and the rule."""

import pytest

from dev.client.kube import Kube
from dev.cluster.ui import StepFailed
from tests.api.resources import RIGHT, WRONG
from tests.api.resources.parts import analysis
from tests.support import model_deployment

# The CRD comes with the operator: Helm refuses one that a test applies while it installs its own.
pytestmark = pytest.mark.usefixtures("operator")


@pytest.mark.parametrize("case", RIGHT)
def test_takes(kube: Kube, case: str) -> None:
    text = model_deployment("right", "default", **RIGHT[case])
    kube("apply", "--validate=strict", "--dry-run=server", "-f", "-", stdin=text)


@pytest.mark.parametrize("case", WRONG)
def test_refuses(kube: Kube, case: str) -> None:
    changes, said = WRONG[case]
    with pytest.raises(StepFailed) as refused:
        kube(
            *("apply", "--validate=strict", "--dry-run=server", "-f", "-"),
            stdin=model_deployment("wrong", "default", **changes),
        )
    for words in said:
        assert words in str(refused.value)


def test_refuses_a_name_that_leaves_no_room_for_the_revision(kube: Kube) -> None:
    with pytest.raises(StepFailed, match="at most 52 characters"):
        kube(
            *("apply", "--dry-run=server", "-f", "-"),
            stdin=model_deployment("m" * 53, "default"),
        )


def test_fills_in_the_defaults_of_the_contract(kube: Kube) -> None:
    import json

    made = json.loads(
        kube(
            *("apply", "--dry-run=server", "-o", "json", "-f", "-"),
            stdin=model_deployment("kepler", "default"),
        )
    )
    spec = made["spec"]
    steps = [(step["weight"], step["hold"]) for step in spec["rollout"]["steps"]]
    assert steps == [(10, "30m"), (50, "30m"), (100, "24h")]
    assert spec["rollout"]["progressDeadline"] == "10m"
    assert spec["rollout"]["onFailure"] == "Rollback"
    judged = spec["rollout"]["analysis"]
    assert (judged["interval"], judged["window"], judged["minSamples"]) == ("15s", "5m", 100)
    assert judged["errorRate"] == {"max": 0.05}
    assert judged["latency"] == {"quantile": 0.95, "maxRatio": 2}
    assert judged["drift"] == {"maxKL": 0.3}
    assert judged["health"] == {"consecutiveFailures": 3}
    assert judged["invalid"] == {"maxIncrease": 0.05}
    assert judged["traffic"] == {}
    assert judged["noData"] == {"policy": "Hold", "after": "30m"}
    assert spec["traffic"]["router"] == "replicas"
    assert spec["server"]["pool"] == "cpu"
    assert spec["server"]["batching"] == {"maxSize": 32, "maxWait": "2ms"}


@pytest.mark.parametrize("how", [("create",), ("apply", "--server-side")])
def test_a_signal_that_is_null_stays_so(kube: Kube, how: tuple[str, ...]) -> None:
    """Not by client-side apply, which drops a null: `mode: Off` is for that."""
    import json

    off = dict.fromkeys(("errorRate", "latency", "drift", "invalid", "traffic", "health"))
    made = json.loads(
        kube(
            *(*how, "--dry-run=server", "-o", "json", "-f", "-"),
            stdin=model_deployment("silent", "default", **analysis(**off)),
        )
    )
    assert off.items() <= made["spec"]["rollout"]["analysis"].items()


def test_a_signal_that_is_off_stays_so_by_any_way(kube: Kube) -> None:
    import json

    made = json.loads(
        kube(
            *("apply", "--dry-run=server", "-o", "json", "-f", "-"),
            stdin=model_deployment("silent", "default", **analysis(drift={"mode": "Off"})),
        )
    )
    assert made["spec"]["rollout"]["analysis"]["drift"] == {"maxKL": 0.3, "mode": "Off"}
