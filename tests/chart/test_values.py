"""Every value of the chart is tried: what it changes is looked at, and no value is left out.

Neighbours: `tried` is the table of them; wrong values, and what is said of them, are here.
"""

from typing import Any

import pytest

from dev.chart import values
from transit_operator.api.config.operator import OperatorConfig

from .helm import CHART, Object, Refused, config, joined, nested, render
from .tried import ON, TRIED

ALL = [value for value in values.read(CHART / "values.yaml") if not value.group]


def test_no_value_is_left_out() -> None:
    assert sorted(TRIED) == sorted(value.name for value in ALL)


@pytest.mark.parametrize("name", TRIED)
def test_a_value_does_what_it_says(name: str) -> None:
    tried = TRIED[name]
    before = render(tried.beside)
    after = render(joined(tried.beside, nested(name, tried.value)))
    assert tried.look(after) == tried.there
    assert before != after, "and it made the difference"
    assert OperatorConfig.model_validate(config(after))


WRONG: dict[str, tuple[Any, str]] = {
    "image.tagg": ("x", "additional properties 'tagg' not allowed"),
    "replica": (1, "additional properties 'replica' not allowed"),
    "config.promtheus": ({}, "additional properties 'promtheus' not allowed"),
    "config.pools.cpu.nodeselector": ({}, "additional properties 'nodeselector' not allowed"),
    "config.namespaces": (["ml-*"], "does not match pattern"),
    "config.workers": (0, "minimum: got 0, want 1"),
    "config.fileRoots": (["/"], "does not match pattern"),
    "config.predictionLog.uri": ("https://host/log", "does not match pattern"),
    "config.predictionLog.every": ("0s", "does not match pattern"),
    "config.formats": (["onxx"], "value must be one of 'onnx', 'skops'"),
    "image.digest": ("sha256:abc", "does not match pattern"),
    "image.tag": (1.5, "got number, want string"),
    "logLevel": ("trace", "value must be one of 'debug', 'info', 'warning', 'error'"),
    "dashboard.signIn": ("Maybe", "value must be one of 'Off', 'Optional', 'Required'"),
    "dashboard.hostnames": (["https://transit.example.com"], "does not match pattern"),
    "replicas": ("two", "got string, want integer"),
    "prometheusRule.errorRate": (5, "maximum: got 5, want 1"),
    "imagePullSecrets": (["pull"], "got string, want object"),
    "networkPolicy.apiServerPorts": ([], "minItems: got 0, want 1"),
    "podLabels": ({"a": 1}, "got number, want string"),
    "config.registry": (None, "missing property 'registry'"),
    "image.pullPolicy": (None, "missing property 'pullPolicy'"),
    "networkPolicy.servers.storePorts": (None, "missing property 'storePorts'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_with_its_name(name: str) -> None:
    value, words = WRONG[name]
    with pytest.raises(Refused) as refused:
        render(nested(name, value))
    said = str(refused.value)
    assert words in said
    group = name.rpartition(".")[0].replace(".", "/")
    assert f"at '{'/' if group else ''}{group}" in said


def test_every_value_may_be_given_as_it_is() -> None:
    """As `helm get values --all` gives them, and as a chart of charts does, with `global`."""
    given: Object = {"global": {"shared": "by all charts"}}
    for value in ALL:
        given = joined(given, nested(value.name, value.default))
    assert render(given) == render()


def test_a_value_that_is_left_empty_is_none() -> None:
    """A key with nothing behind it, in a file of values, takes the default away."""
    on: Object = {name: by[name] for name, by in ON.items()}
    empty: Object = on
    for value in ALL:
        if value.default in ("", [], {}):
            empty = joined(empty, nested(value.name, None))
    found, plain = (OperatorConfig.model_validate(config(render(one))) for one in (empty, on))
    assert found == plain
