"""A write is made only where the live object does not say what we want."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transit_operator.runtime.writing.diff import same

CONTAINER = {"name": "server", "image": "a:1"}


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        pytest.param({"a": 1}, {"a": 1}, id="equal"),
        pytest.param({"a": 1}, {"a": 1, "b": 2}, id="fields of others"),
        pytest.param({}, None, id="an empty object and none"),
        pytest.param({"a": {}}, {}, id="an empty object that the API server drops"),
        pytest.param({"a": []}, {}, id="an empty list that the API server drops"),
        pytest.param({"metadata": {"labels": {"a": "b"}}}, {"metadata": {"labels": {"a": "b"},
                     "resourceVersion": "7"}}, id="metadata of the API server"),
        pytest.param({"containers": [CONTAINER]}, {"containers": [{"name": "istio-proxy"},
                     CONTAINER | {"terminationMessagePath": "/dev"}]}, id="an injected sidecar"),
        pytest.param({"ownerReferences": [{"uid": "1"}]}, {"ownerReferences": [{"uid": "2"},
                     {"uid": "1", "kind": "X"}]}, id="another owner"),
        pytest.param({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "Z", "value": "9"},
                     {"name": "A", "value": "1"}]}, id="an injected variable, another order"),
        pytest.param({"resources": {"requests": {"cpu": "1000m", "memory": "1Gi"}}},
                     {"resources": {"requests": {"cpu": "1", "memory": "1024Mi"}}},
                     id="quantities as the API server writes them"),
        pytest.param({"limits": {"nvidia.com/gpu": 1}}, {"limits": {"nvidia.com/gpu": "1"}},
                     id="a quantity as a number"),
        pytest.param({"target": {"averageValue": "2000"}}, {"target": {"averageValue": "2k"}},
                     id="an autoscaler's target, as the API server writes it"),
        pytest.param({"env": [{"name": "A", "value": ""}]}, {"env": [{"name": "A"}]},
                     id="an empty variable"),
        pytest.param({"tolerations": [{"key": "gpu", "value": ""}]},
                     {"tolerations": [{"key": "gpu"}]}, id="an empty toleration's value"),
    ],
)  # fmt: skip
def test_nothing_to_write_for(desired: Any, live: Any) -> None:
    assert same(desired, live)


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        pytest.param({"a": 1}, {"a": 2}, id="another value"),
        pytest.param({"a": 1}, {}, id="a field that is gone"),
        pytest.param({"a": {"b": 1}}, {"a": None}, id="an object that is gone"),
        pytest.param({"a": [1]}, {"a": None}, id="a list that is gone"),
        pytest.param({"a": [1]}, {"a": [1, 2]}, id="one more entry of a list that is ours"),
        pytest.param({"a": [1, 2]}, {"a": [2, 1]}, id="another order of a list that is ours"),
        pytest.param({"a": True}, {"a": False}, id="a switch"),
        pytest.param({"spec": {"selector": {"r": "aa"}}}, {"spec": {"selector": {"r": "bb"}}},
                     id="a selector edited by hand"),
        pytest.param({"backendRefs": [{"name": "x", "weight": 10}]},
                     {"backendRefs": [{"name": "x", "weight": 90}]}, id="a weight edited by hand"),
        pytest.param({"backendRefs": [{"name": "x"}]},
                     {"backendRefs": [{"name": "x"}, {"name": "y"}]}, id="a backend added by hand"),
        pytest.param({"rules": [{"matches": []}]},
                     {"rules": [{"matches": [], "timeouts": {"request": "1s"}}]},
                     id="a time-out that the spec has no more"),
        pytest.param({"rules": [{"matches": [{"path": {}}]}]},
                     {"rules": [{"matches": [{"path": {}, "method": "GET"}]}]},
                     id="a match that the spec has no more"),
        pytest.param({"parentRefs": [{"name": "g"}]},
                     {"parentRefs": [{"name": "g", "sectionName": "https"}]},
                     id="a listener that the spec has no more"),
        pytest.param({"containers": [CONTAINER]}, {"containers": [CONTAINER | {"image": "a:2"}]},
                     id="an image edited by hand"),
        pytest.param({"containers": [CONTAINER]}, {"containers": [{"name": "other"}]},
                     id="a container removed by hand"),
        pytest.param({"cpu": "1"}, {"cpu": "2"}, id="another quantity"),
        pytest.param({"averageValue": "2"}, {"averageValue": "2k"}, id="another target"),
        pytest.param({"env": [{"name": "A", "value": "1.0"}]},
                     {"env": [{"name": "A", "value": "1"}]}, id="a text that looks like a number"),
        pytest.param({"labels": {"version": "1e1"}}, {"labels": {"version": "10"}},
                     id="a label that looks like a quantity"),
    ],
)  # fmt: skip
def test_a_write_for(desired: Any, live: Any) -> None:
    assert not same(desired, live)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner,
                                                                max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(json_values)
def test_every_object_is_the_same_as_itself(value: Any) -> None:
    assert same(value, value)


@given(json_values, json_values)
def test_any_two_values_can_be_compared(desired: Any, live: Any) -> None:
    same({"a": desired}, {"a": live})
