"""A part of a pod over another, as `kubectl patch --type=strategic` does it."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transit_operator.core.objects.merge import merged

GPU, SPOT = {"key": "gpu", "operator": "Exists"}, {"key": "spot", "operator": "Exists"}
ZONE = {"topologyKey": "zone"}
CACHE = {"name": "cache", "emptyDir": {"sizeLimit": "20Gi"}}

CASES: dict[str, tuple[Any, Any, Any]] = {
    "a field that is new": ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
    "a field that is there": ({"a": 1}, {"a": 2}, {"a": 2}),
    "a map goes deep": ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
    "null removes": ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
    "null of what isn't there": ({"a": 1}, {"b": None}, {"a": 1}),
    "a plain list is replaced": ({"args": ["a"]}, {"args": ["b"]}, {"args": ["b"]}),
    "a list of capabilities too": ({"drop": ["ALL"]}, {"drop": ["NET_RAW"]}, {"drop": ["NET_RAW"]}),
    "containers by name": (
        {"containers": [{"name": "server", "image": "a"}]},
        {"containers": [{"name": "proxy"}, {"name": "server", "stdin": True}]},
        {"containers": [{"name": "server", "image": "a", "stdin": True}, {"name": "proxy"}]},
    ),
    "mounts by their path": (
        {"volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]},
        {"volumeMounts": [{"name": "mine", "mountPath": "/tmp"}]},
        {"volumeMounts": [{"name": "mine", "mountPath": "/tmp"}]},
    ),
    "the same source of a volume": (
        {"volumes": [CACHE]},
        {"volumes": [{"name": "cache", "emptyDir": {"medium": "Memory"}}]},
        {"volumes": [{"name": "cache", "emptyDir": {"sizeLimit": "20Gi", "medium": "Memory"}}]},
    ),
    "another source of a volume": (
        {"volumes": [CACHE]},
        {"volumes": [{"name": "cache", "ephemeral": {}}]},
        {"volumes": [{"name": "cache", "ephemeral": {}}]},
    ),
    "spread by the key of nodes": (
        {"topologySpreadConstraints": [ZONE | {"maxSkew": 1}]},
        {"topologySpreadConstraints": [ZONE | {"maxSkew": 2}, {"topologyKey": "x"}]},
        {"topologySpreadConstraints": [ZONE | {"maxSkew": 2}, {"topologyKey": "x"}]},
    ),
    "tolerations are added, once": (
        {"tolerations": [GPU]},
        {"tolerations": [SPOT, GPU]},
        {"tolerations": [GPU, SPOT]},
    ),
    "a map that is replaced": (
        {"securityContext": {"runAsUser": 65532, "runAsNonRoot": True}},
        {"securityContext": {"$patch": "replace", "runAsNonRoot": True}},
        {"securityContext": {"runAsNonRoot": True}},
    ),
    "a map that is deleted": ({"a": {"b": 1}, "c": 1}, {"a": {"$patch": "delete"}}, {"c": 1}),
    "an entry that is deleted": (
        {"volumes": [CACHE, {"name": "tmp"}]},
        {"volumes": [{"name": "cache", "$patch": "delete"}]},
        {"volumes": [{"name": "tmp"}]},
    ),
    "an entry that is deleted and isn't there": (
        {"volumes": [CACHE]},
        {"volumes": [{"name": "other", "$patch": "delete"}]},
        {"volumes": [CACHE]},
    ),
    "an entry that is replaced": (
        {"containers": [{"name": "proxy", "image": "a", "tty": True}]},
        {"containers": [{"name": "proxy", "image": "b", "$patch": "replace"}]},
        {"containers": [{"name": "proxy", "image": "b"}]},
    ),
    "no directive is left in what is new": (
        {},
        {"affinity": {"$patch": "replace", "podAffinity": {"a": [{"$patch": "merge", "b": 1}]}}},
        {"affinity": {"podAffinity": {"a": [{"b": 1}]}}},
    ),
    "an entry without a name": ({"volumes": [CACHE]}, {"volumes": [7]}, {"volumes": [CACHE, 7]}),
    "another type": ({"volumes": [CACHE]}, {"volumes": "x"}, {"volumes": "x"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_merges(case: str) -> None:
    base, over, expected = CASES[case]
    before = copy.deepcopy((base, over))
    assert merged(base, over) == expected
    assert (base, over) == before, "neither is changed"


fields = st.sampled_from(["containers", "volumes", "tolerations", "name", "env", "$patch", "a"])
parts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["server", "replace", "delete"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=4),
    max_leaves=12,
)


@given(parts, parts)
def test_never_fails_whatever_is_given(base: Any, over: Any) -> None:
    merged(base, over)


whole = st.dictionaries(
    st.sampled_from(["a", "b", "args"]), st.integers() | st.lists(st.integers())
)


@given(whole)
def test_nothing_over_it_changes_nothing(base: Any) -> None:
    assert merged(base, {}) == base
    assert merged(base, base) == base
    assert merged({}, base) == base
