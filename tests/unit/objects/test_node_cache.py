"""The node's cache in a pod: who has it mounted, what fetches through it, and who goes without."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.world import spec
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.api.status import PinnedModel
from transit_operator.core.objects.build import Owner
from transit_operator.core.objects.node_cache import MOUNT, NAME
from transit_operator.core.objects.resolver import resolver_pod
from transit_operator.core.objects.revision import revision_of
from transit_operator.core.objects.template import pod_template

ON_NODES = {"hostPath": "/var/cache/transit", "size": "80Gi"}
DIGEST = "d" * 64


def config(cache: dict[str, Any]) -> OperatorConfig:
    return OperatorConfig.model_validate(
        {"pools": {"cpu": {"nodeCache": cache}}, "signing": {"keys": {"us": _KEY}}}
    )


_KEY = "-----BEGIN PUBLIC KEY-----\nx"


def pod(
    cache: dict[str, Any] | None = ON_NODES, digest: str | None = DIGEST, **asked: Any
) -> dict[str, Any]:
    wanted = spec(**({"storage": {"uri": "s3://models"}} | asked))
    pinned = [PinnedModel(name=m.name, version=m.version, digest=digest) for m in wanted.models]
    settings = OperatorConfig() if cache is None else config(cache)
    made = pod_template("ml", "kepler", revision_of(wanted, pinned), wanted, settings, "secret")
    found: dict[str, Any] = made["spec"]
    return found


def who_mounts(made: dict[str, Any]) -> list[str]:
    containers = [*made.get("initContainers", []), *made["containers"]]
    return [c["name"] for c in containers if any(m["name"] == NAME for m in c["volumeMounts"])]


def test_only_the_init_container_has_it() -> None:
    made = pod()
    assert who_mounts(made) == [NAME]
    (fetching,) = made["initContainers"]
    server = made["containers"][0]
    assert fetching["volumeMounts"] == [
        *server["volumeMounts"],
        {"name": NAME, "mountPath": MOUNT, "subPath": "ml"},
    ]
    for same in ("image", "env", "resources", "securityContext"):
        assert fetching[same] == server[same]
    assert fetching["args"][-2:] == ["s3://models", f"forest@1.0.0={DIGEST}"]
    assert "80Gi" in fetching["args"]
    assert made["volumes"][-1] == {
        "name": NAME,
        "hostPath": {"path": "/var/cache/transit", "type": "DirectoryOrCreate"},
    }


def test_a_claim_is_the_namespaces_own() -> None:
    made = pod({"claimName": "models"})
    assert made["volumes"][-1] == {
        "name": NAME,
        "persistentVolumeClaim": {"claimName": "models"},
    }
    assert made["initContainers"][0]["volumeMounts"][-1] == {"name": NAME, "mountPath": MOUNT}


def test_what_must_be_signed_is_verified_there_too() -> None:
    args = pod(storage={"uri": "s3://models", "verify": "Signature"})["initContainers"][0]["args"]
    assert "BEGIN PUBLIC KEY" in args[args.index("--signed-by") + 1]


@pytest.mark.parametrize(
    "without",
    [
        {"cache": None},
        {"digest": None},
        {"storage": {"uri": "pvc://models/here"}},
        {"storage": {"uri": "file:///srv/models"}},
    ],
)
def test_who_goes_without(without: dict[str, Any]) -> None:
    made = pod(**without)
    assert "initContainers" not in made
    assert NAME not in str(made["volumes"])


def test_a_pod_template_gets_nobody_else_in() -> None:
    mounted = [{"name": NAME, "mountPath": "/theirs", "subPath": "other-namespace"}]
    theirs = {
        "initContainers": [
            {"name": NAME, "image": "evil", "volumeMounts": mounted},
            {"name": "first", "image": "evil", "volumeMounts": mounted},
        ],
        "containers": [
            {"name": "server", "volumeMounts": mounted},
            {"name": "beside", "image": "evil", "volumeMounts": mounted},
        ],
        "volumes": [{"name": NAME, "hostPath": {"path": "/"}}],
    }
    made = pod(server={"podTemplate": {"spec": theirs}})
    assert who_mounts(made) == [NAME]
    assert [c["name"] for c in made["initContainers"]] == ["first", NAME]
    assert made["initContainers"][-1]["image"] != "evil"
    assert [v for v in made["volumes"] if v["name"] == NAME] == [
        {"name": NAME, "hostPath": {"path": "/var/cache/transit", "type": "DirectoryOrCreate"}}
    ]


def test_the_resolver_pod_has_none() -> None:
    asked = spec(storage={"uri": "s3://models"})
    made = resolver_pod(Owner("ml", "kepler", "uid"), asked, config(ON_NODES), "resolve")
    assert NAME not in str(made)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"hostPath": "/"},
        {"hostPath": "/a/../b"},
        {"hostPath": "cache"},
        {"hostPath": "/cache", "claimName": "too"},
        {"claimName": "no claim"},
        {"hostPath": "/cache", "size": "50"},
        {"hostPath": "/cache", "size": "0Gi"},
    ],
)
def test_a_wrong_configuration_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        config(wrong)
