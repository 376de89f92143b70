"""What `podTemplate` may say of a server's pod, in configuration and spec, and what not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.cli.test_lint import found as found_by_rules
from tests.unit.world import spec, wanted
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.core.objects.build import Object, Owner
from transit_operator.core.objects.identity import revision_labels
from transit_operator.core.objects.resolver import resolver_pod
from transit_operator.core.objects.template import pod_template
from transit_operator.core.objects.unbuildable import CutOff

OWNER = Owner("ml", "kepler", "uid-1")


def built(config: Object | None = None, **server: Any) -> Object:
    asked = spec(server=server)
    return pod_template(
        "ml",
        "kepler",
        wanted(asked),
        asked,
        OperatorConfig.model_validate(config or {}),
        "the-secret",
    )


def errors(**server: Any) -> list[str]:
    """What the API server would say."""
    return found_by_rules(server=server)


def pod(*containers: Object, **fields: Any) -> Object:
    """A podTemplate of some fields of the pod."""
    return {"spec": {**fields, **({"containers": [*containers]} if containers else {})}}


def server_of(template: Object) -> Object:
    found: Object = template["spec"]["containers"][0]
    assert found["name"] == "server"
    return found


def labelled(**labels: str) -> Object:
    return {"metadata": {"labels": labels}}


def test_everything_an_admin_asks_for_arrives() -> None:
    """Cloud identity, pull secrets, placement, shared memory, sidecars, probes' times."""
    mount = {"name": "dshm", "mountPath": "/dev/shm"}
    asked: Object = {
        "metadata": {"labels": {"team": "ml"}, "annotations": {"linkerd.io/inject": "enabled"}},
        "spec": {
            "serviceAccountName": "reader",
            "imagePullSecrets": [{"name": "registry"}],
            "priorityClassName": "high",
            "affinity": {"nodeAffinity": {}},
            "initContainers": [{"name": "warm", "image": "w:1"}],
            "volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}],
            "containers": [
                {"name": "agent", "image": "a:1"},
                {
                    "name": "server",
                    "volumeMounts": [mount],
                    "readinessProbe": {"periodSeconds": 5},
                    "securityContext": {"runAsUser": 1000},
                },
            ],
        },
    }
    found = built(podTemplate=asked)
    assert found["metadata"]["labels"]["team"] == "ml"
    assert found["metadata"]["annotations"]["linkerd.io/inject"] == "enabled"
    assert found["metadata"]["annotations"]["prometheus.io/scrape"] == "true"
    for field in ("serviceAccountName", "imagePullSecrets", "priorityClassName", "affinity"):
        assert found["spec"][field] == asked["spec"][field]
    assert found["spec"]["initContainers"] == asked["spec"]["initContainers"]
    assert [c["name"] for c in found["spec"]["containers"]] == ["server", "agent"]
    server = server_of(found)
    assert mount in server["volumeMounts"]
    assert {"/var/cache/transit", "/tmp"} < {m["mountPath"] for m in server["volumeMounts"]}
    assert server["readinessProbe"]["periodSeconds"] == 5
    assert server["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert server["securityContext"]["runAsUser"] == 1000
    assert server["securityContext"]["readOnlyRootFilesystem"] is True
    assert found["spec"]["automountServiceAccountToken"] is False, "no token unless it is asked for"


def test_the_spec_goes_before_the_pool_and_the_pool_before_all_servers() -> None:
    config = {
        "server": {"podTemplate": labelled(a="server", b="server", c="server")},
        "pools": {"cpu": {"podTemplate": labelled(b="pool", c="pool")}},
    }
    labels = built(config, podTemplate=labelled(c="spec"))["metadata"]["labels"]
    assert (labels["a"], labels["b"], labels["c"]) == ("server", "pool", "spec")


def test_a_user_that_is_the_clusters_to_choose_can_be_left_out() -> None:
    # As on OpenShift, which gives each namespace a range of its own.
    asked = pod(securityContext={"$patch": "replace", "runAsNonRoot": True})
    assert built({"server": {"podTemplate": asked}})["spec"]["securityContext"] == {
        "runAsNonRoot": True
    }


def test_pods_are_spread_softly_over_nodes_and_zones() -> None:
    constraints = built()["spec"]["topologySpreadConstraints"]
    assert {c["topologyKey"] for c in constraints} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    assert {c["whenUnsatisfiable"] for c in constraints} == {"ScheduleAnyway"}


def test_a_constraint_of_ones_own_counts_the_pods_of_the_revision() -> None:
    hard = {"topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
    rack = {"topologyKey": "rack", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}
    mine = {"topologyKey": "room", "labelSelector": {"matchLabels": {"a": "b"}}}
    template = built(podTemplate=pod(topologySpreadConstraints=[hard, rack, mine]))
    found = {c["topologyKey"]: c for c in template["spec"]["topologySpreadConstraints"]}
    zone = found["topology.kubernetes.io/zone"]
    assert (zone["maxSkew"], zone["whenUnsatisfiable"]) == (1, "DoNotSchedule")
    labels = template["metadata"]["labels"]
    for key in ("kubernetes.io/hostname", "rack", "topology.kubernetes.io/zone"):
        chosen = found[key]["labelSelector"]["matchLabels"]
        assert chosen.items() <= labels.items()
        assert set(chosen) == {"transit.dev/model-deployment", "transit.dev/revision"}
    assert found["room"]["labelSelector"] == mine["labelSelector"]


def test_volumes_have_limits_and_may_have_others() -> None:
    limits = {v["name"]: v["emptyDir"] for v in built()["spec"]["volumes"] if "emptyDir" in v}
    assert limits == {"cache": {"sizeLimit": "20Gi"}, "tmp": {"sizeLimit": "2Gi"}}
    more = pod(volumes=[{"name": "cache", "emptyDir": {"sizeLimit": "90Gi"}}])
    volumes = {v["name"]: v for v in built(podTemplate=more)["spec"]["volumes"]}
    assert volumes["cache"]["emptyDir"] == {"sizeLimit": "90Gi"}


@pytest.mark.parametrize("by", ["spec", "pool", "all servers"])
def test_pods_are_not_killed_while_their_servers_still_answer(by: str) -> None:
    late, config = pod(terminationGracePeriodSeconds=5), {"drainDelaySeconds": 5}
    asked: dict[str, Object] = {
        "spec": {"config": {"server": config}, "podTemplate": late},
        "pool": {"config": {"server": config, "pools": {"cpu": {"podTemplate": late}}}},
        "all servers": {"config": {"server": {**config, "podTemplate": late}}},
    }
    with pytest.raises(CutOff, match=r"5 s are no more than the 5 s .* leave it out \(45\)"):
        built(**asked[by])
    long = built({"server": config}, podTemplate=pod(terminationGracePeriodSeconds=6))
    assert long["spec"]["terminationGracePeriodSeconds"] == 6


def test_variables_of_the_administrator_are_there_where_nobody_says_otherwise() -> None:
    proxy = [{"name": "HTTPS_PROXY", "value": "http://proxy"}, {"name": "A", "value": "admin"}]
    config = {"server": {"podTemplate": pod({"name": "server", "env": proxy})}}
    env = server_of(built(config, env=[{"name": "A", "value": "mine"}]))["env"]
    found = {v["name"]: v["value"] for v in env}
    assert (found["HTTPS_PROXY"], found["A"]) == ("http://proxy", "mine")
    assert len(found) == len(env)


# Whatever comes through: the API server refuses these.
values = st.text(max_size=5) | st.integers() | st.none()
labels_ = st.dictionaries(
    st.sampled_from(["transit.dev/revision", "app.kubernetes.io/name", "team"]),
    st.text(max_size=5),
)
variables = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["TRANSIT_REVISION", "TRANSIT_PORT", "MINE"]), "value": values}
    ),
    max_size=3,
)
directives = st.sampled_from([{}, {"$patch": "replace"}, {"$patch": "delete"}])


@given(labels_, variables, directives, directives, st.booleans())
def test_what_makes_a_pod_its_revisions_stays(
    labels: Object, env: list[Object], of_server: Object, of_labels: Object, twice: bool
) -> None:
    evil = {"image": "evil", "command": ["sh"], "args": ["-c"], "ports": [], "resources": {}}
    server = {"name": "server", "env": env, **evil, **of_server}
    asked = pod(server, *([server] if twice else []), {"name": "side", "image": "s"})
    asked["metadata"] = {"labels": {**labels, **of_labels}}
    plain, found = built(), built(podTemplate=asked)
    container, clean = server_of(found), server_of(plain)
    revision = wanted(spec(server={"podTemplate": asked})).revision
    own = revision_labels("kepler", revision)
    assert own.items() <= found["metadata"]["labels"].items()
    for field in ("image", "ports", "resources"):
        assert container[field] == clean[field]
    assert not {"command", "args"} & set(container)
    said = [v["name"] for v in container["env"]]
    assert len([n for n in said if n == "TRANSIT_REVISION"]) == 1
    values = {v["name"]: v.get("value") for v in container["env"]}
    assert (values["TRANSIT_REVISION"], values["TRANSIT_PORT"]) == (revision, "8000")


def test_another_template_is_another_revision_and_none_is_none() -> None:
    plain = wanted(spec()).revision
    assert wanted(spec(server={"podTemplate": {}})).revision == plain
    assert wanted(spec(server={"podTemplate": labelled(a="b")})).revision != plain


def resolver(**server: Any) -> Object:
    asked = spec("latest", server=server)
    return resolver_pod(OWNER, asked, OperatorConfig(), "kepler-resolve-1")


def test_who_looks_up_aliases_has_the_identity_and_no_sidecar() -> None:
    made = resolver(
        podTemplate={
            "metadata": {
                "labels": {"azure.workload.identity/use": "true"},
                "annotations": {"iam.example.com/role": "r", "sidecar.istio.io/inject": "true"},
            },
            "spec": {
                "serviceAccountName": "reader",
                "imagePullSecrets": [{"name": "registry"}],
                "initContainers": [{"name": "ca", "image": "c:1"}],
                "containers": [
                    {"name": "agent", "image": "a:1"},
                    {"name": "server", "lifecycle": {"preStop": {}}, "startupProbe": {}},
                ],
            },
        }
    )
    meta, found = made["metadata"], made["spec"]
    assert meta["labels"]["azure.workload.identity/use"] == "true"
    assert "transit.dev/revision" not in meta["labels"]
    assert meta["annotations"]["iam.example.com/role"] == "r"
    assert meta["annotations"]["sidecar.istio.io/inject"] == "false"
    assert not [key for key in meta["annotations"] if key.startswith("prometheus.io/")]
    assert found["serviceAccountName"] == "reader"
    assert found["imagePullSecrets"] == [{"name": "registry"}]
    assert [c["name"] for c in found["initContainers"]] == ["ca"]
    (container,) = found["containers"]
    assert container["name"] == "resolver"
    assert not {"lifecycle", "startupProbe", "readinessProbe", "ports"} & set(container)
    assert "topologySpreadConstraints" not in found


@pytest.mark.parametrize(
    "by",
    [
        pod({"name": "server", "readinessProbe": {"$patch": "delete"}}),
        pod({"name": "server", "volumeMounts": None}),
        pod({"name": "server", "$patch": "replace"}),
        {"spec": {"$patch": "replace"}},
        {"spec": {"$patch": "delete"}},
    ],
)
def test_what_was_taken_away_is_not_missed(by: Object) -> None:
    """What is left may be no pod: that is the API server's to say, in words."""
    cache = {"pools": {"cpu": {"nodeCache": {"hostPath": "/var/cache/models", "size": "1Gi"}}}}
    assert errors(podTemplate=by) == []
    assert server_of(built(cache, podTemplate=by))["ports"]
    assert resolver(podTemplate=by)["spec"]["containers"][0]["name"] == "resolver"
