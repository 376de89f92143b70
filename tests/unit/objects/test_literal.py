"""What a spec says reaches containers as it is written: no variable's value gets into it."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cli.test_lint import found
from tests.unit.world import spec, wanted
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.core.objects.build import Object, Owner
from transit_operator.core.objects.literal import literal
from transit_operator.core.objects.resolver import resolver_pod
from transit_operator.core.objects.template import pod_template

SECRET = {"PASSWORD": "hunter2", "AWS_SECRET_ACCESS_KEY": "hunter2"}
CONFIG = OperatorConfig.model_validate(
    {
        "pools": {"cpu": {"nodeCache": {"hostPath": "/var/cache/models", "size": "1Gi"}}},
        "predictionLog": {"uri": "s3://log"},
    }
)


def expanded(text: str, variables: dict[str, str]) -> str:
    """Return what a kubelet makes of a text: https://kubernetes.io/docs/tasks/inject-data-application/
    define-interdependent-environment-variables."""

    def value(place: re.Match[str]) -> str:
        if place[0] == "$$":
            return "$"
        return variables.get(place[1], place[0])

    return re.sub(r"\$\$|\$\(([^)]*)\)", value, text)


def containers(**asked: Any) -> list[Object]:
    """Every container that Transit makes for a spec: server, cache of the node, resolver."""
    its = spec(**asked)
    pod = pod_template("ml", "kepler", wanted(its), its, CONFIG, "feedback")["spec"]
    resolver = resolver_pod(Owner("ml", "kepler", "uid-1"), its, CONFIG, "r")["spec"]
    return [*pod["containers"], *pod["initContainers"], *resolver["containers"]]


@given(st.text(st.sampled_from("$()aPASSWORD_-"), max_size=30))
def test_a_text_comes_through(text: str) -> None:
    assert expanded(literal(text), SECRET) == text


def test_no_secret_gets_into_what_is_told() -> None:
    """A path of the storage would be read again in an error's words, in the status."""
    uri = "s3://models/$(PASSWORD)/$$(PASSWORD)/a$b"
    asked: Object = {
        "storage": {"uri": uri, "secretName": "db"},
        "server": {
            "predictionLog": {"columns": {"$(PASSWORD)": "Keep"}},
            "env": [{"name": "MINE", "value": "$(PASSWORD)"}],
        },
    }
    assert found(**asked) == [], "the API server takes it"
    server, cache, resolver = containers(**asked)
    for container in (server, cache, resolver):
        env = {v["name"]: expanded(v.get("value", ""), SECRET) for v in container["env"]}
        assert env.pop("MINE") == "hunter2", "a variable of the author's own may name others"
        assert env["TRANSIT_STORAGE_URI"] == uri
        assert "hunter2" not in str(env)
    for container in (cache, resolver):
        assert uri in [expanded(argument, SECRET) for argument in container["args"]]
