"""The Secret with the key for feedback: made once, before the first pod, and told to nobody."""

import base64
import json
from dataclasses import replace

import pytest

from tests.unit.runtime.written import R1, R2, Api, execute, rolling_back, routed, running
from tests.unit.world import World
from transit_operator.adapters.kubernetes import Refused
from transit_operator.core.decide import decide
from transit_operator.core.objects.feedback import secret_name
from transit_operator.runtime.loop.handlers import OWNED
from transit_operator.runtime.operator import WATCHED

SECRET = secret_name("m", "u1")


def starting(api: Api) -> None:
    """The look that makes the first revision's objects."""
    execute(api, {}, replace(decide(World().observed()), weights={R1: 100}, replicas={R1: 3}))


def key_of(api: Api) -> str:
    key: str = api.objects["Secret", SECRET]["data"]["key"]
    return key


def test_the_key_for_feedback_is_made_before_the_first_pod() -> None:
    api, another = Api(), Api()
    starting(api)
    starting(another)
    assert api.written.index(f"Secret/{SECRET}") < api.written.index(f"Deployment/m-{R1}")
    assert api.objects["Secret", SECRET]["metadata"]["ownerReferences"][0]["uid"] == "u1"
    assert len(base64.b64decode(key_of(api))) == 32
    assert key_of(api) != key_of(another)
    told = json.dumps([obj for (kind, _), obj in api.objects.items() if kind != "Secret"])
    assert key_of(api) not in told
    assert SECRET in told, "the pods mount it"


def test_a_key_that_is_there_stays() -> None:
    api = Api(there={("Secret", SECRET): {"data": {"key": "of earlier pods"}}})
    starting(api)
    assert f"Secret/{SECRET}" not in api.written
    assert f"Deployment/m-{R1}" in api.written


def test_the_key_is_made_for_new_pods_and_not_at_every_look() -> None:
    api = Api()
    live = {**running(R1, "1.0.0"), **running(R2, "2.0.0"), **routed(50, 50)}
    execute(api, live, rolling_back(), traffic={R1: 50, R2: 50})
    assert f"Secret/{SECRET}" not in api.written


def test_where_no_key_can_be_made_no_pod_is_and_it_is_told() -> None:
    api = Api(refuses={f"Secret/{SECRET}": Refused("secrets is forbidden")})
    with pytest.raises(Refused, match="secrets is forbidden"):
        starting(api)
    assert f"Deployment/m-{R1}" not in api.written, "or the key would never be asked for again"
    assert f"Service/m-{R1}" in api.written


def test_the_key_of_a_deleted_resource_is_not_taken_for_that_of_the_next() -> None:
    assert secret_name("m", "u1") != secret_name("m", "u2")


def test_secrets_are_neither_listed_nor_watched() -> None:
    assert "Secret" not in WATCHED
    assert "Secret" not in {kind for _, _, kind in OWNED}
