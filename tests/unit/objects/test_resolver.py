"""The pod that looks versions up: every cause is told, and none is waited for without an end."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.world import World, digest, spec
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.api.spec import ModelDeploymentSpec
from transit_operator.api.status import ModelDeploymentStatus, PinnedModel, Pins
from transit_operator.core.decide import decide
from transit_operator.core.objects.build import Object, Owner
from transit_operator.core.objects.resolver import (
    RESOLVING,
    Contents,
    ResolverChange,
    answer,
    answers,
    resolver_change,
    resolver_pod,
)
from transit_operator.core.objects.revision import content_key
from transit_operator.core.objects.unbuildable import Unbuildable
from transit_operator.core.observed import Observed, Problem
from transit_operator.core.times import epoch, rfc3339

OWNER = Owner("ml", "kepler", "uid-1")
MADE = epoch("2026-11-24T06:00:00Z")
SPEC = spec("latest", rollout={"progressDeadline": "10m"})
KEY = content_key(SPEC)
BASE = f"kepler-resolve-{KEY}"
DIGEST, OTHER = digest("forest", "1.4.0"), digest("forest", "1.4.0", "replaced")
FOUND = json.dumps([{"name": "forest", "version": "1.4.0", "digest": DIGEST}])
PINNED = PinnedModel(name="forest", version="1.4.0", digest=DIGEST)
PROXY = {"name": "a-proxy", "state": {"running": {}}}


def pod(status: dict[str, Any], name: str = BASE, key: str = KEY, **meta: Any) -> Object:
    labels = {"transit.dev/model-deployment": "kepler", "transit.dev/resolves": key}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "uid": f"uid of {name}",
            "labels": labels,
            "creationTimestamp": rfc3339(MADE),
            **meta,
        },
        "status": status,
    }


def ended(code: int, message: str, reason: str = "Error", **more: Any) -> dict[str, Any]:
    state = {"terminated": {"exitCode": code, "reason": reason, "message": message}}
    return {"containerStatuses": [PROXY, {"name": "resolver", "state": state, **more}]}


def waiting(reason: str, message: str) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"containerStatuses": [{"name": "resolver", "state": state}]}


def live(*pods: Object) -> dict[tuple[str, str], Object]:
    return {("Pod", p["metadata"]["name"]): p for p in pods}


def change(
    *pods: Object,
    at: float = MADE + 5,
    needed: bool = True,
    of: ModelDeploymentSpec = SPEC,
    contents: Contents | None = None,
) -> ResolverChange:
    return resolver_change(OWNER, live(*pods), of, contents or {}, needed, at)


def test_the_answer_is_that_of_the_container_resolver_whatever_stands_beside_it() -> None:
    found = answer(pod(ended(0, FOUND, "Completed")), SPEC, {}, MADE + 5)
    assert found == Pins(key=KEY, models=[PINNED])


CAUSES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no such alias": (ended(1, "no alias 'latest'"), "ModelNotFound", "no alias 'latest'"),
    "no such alias, a try later": (
        {
            "containerStatuses": [
                {
                    "name": "resolver",
                    "state": {"running": {}},
                    "lastState": {
                        "terminated": {"exitCode": 1, "reason": "Error", "message": "no bucket"}
                    },
                }
            ]
        },
        "ModelNotFound",
        "no bucket",
    ),
    "no storage": (ended(3, "refuses the credentials"), "StorageUnavailable", "refuses the"),
    "not signed": (ended(4, "is signed by nobody"), "ContentRefused", "signed by nobody"),
    "image": (
        waiting("ImagePullBackOff", "not found"),
        "ResolverFailing",
        "ImagePullBackOff: not found",
    ),
    "Secret": (
        waiting("CreateContainerConfigError", 'secret "minio" not found'),
        "ResolverFailing",
        'secret "minio" not found',
    ),
    "scheduling, a claim that isn't there": (
        {
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": 'persistentvolumeclaim "models" not found',
                }
            ]
        },
        "ResolverFailing",
        'persistentvolumeclaim "models" not found',
    ),
    "eviction": (
        {"phase": "Failed", "reason": "Evicted", "message": "low on disk"},
        "ResolverFailing",
        "Evicted: low on disk",
    ),
    "memory": (ended(137, "a log", "OOMKilled"), "ResolverFailing", "OOMKilled"),
    "an init container": (
        {
            "initContainerStatuses": [
                {
                    "name": "mesh-init",
                    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                }
            ]
        },
        "ResolverFailing",
        "init container mesh-init: CrashLoopBackOff",
    ),
    "an end without a word": (ended(0, "", "Completed"), "ResolverFailing", "without an answer"),
    "an end with other words": (
        ended(0, "hello", "Completed"),
        "ResolverFailing",
        "that can be read",
    ),
    "an image without the command": (
        ended(1, "(ModuleNotFoundError: No module named 'transit_models')"),
        "ResolverFailing",
        "spec.server.image",
    ),
    "an answer to another question": (
        ended(0, '[{"name": "tree", "version": "1.0.0"}]', "Completed"),
        "ResolverFailing",
        "without an answer",
    ),
    "an answer about another version": (
        ended(
            0,
            '[{"name": "forest", "version": "7"}, {"name": "forest", "version": "7"}]',
            "Completed",
        ),
        "ResolverFailing",
        "without an answer",
    ),
    "an answer with a digest that is none": (
        ended(0, FOUND.replace(DIGEST, "../../x"), "Completed"),
        "ResolverFailing",
        "without an answer",
    ),
    "an answer that is no list": (ended(0, "7", "Completed"), "ResolverFailing", "without an"),
}


@pytest.mark.parametrize("case", CAUSES)
def test_says_why_there_is_no_answer(case: str) -> None:
    status, reason, words = CAUSES[case]
    found = answer(pod(status), SPEC, {}, MADE + 5)
    assert isinstance(found, Problem)
    assert found.reason == reason
    assert words in found.message


def test_an_answer_is_about_the_version_that_was_asked_for() -> None:
    asked_for, said = spec("1.5.0"), pod(ended(0, FOUND, "Completed"))
    assert isinstance(answer(said, asked_for, {}, MADE), Problem)
    assert isinstance(answer(said, spec("1.4.0"), {}, MADE), Pins)


def test_an_image_that_knows_no_digests_answers_without() -> None:
    found = answer(pod(ended(0, '[{"name":"forest","version":"1.4.0"}]')), SPEC, {}, MADE)
    assert isinstance(found, Pins)
    assert found.models[0].digest is None


@pytest.mark.parametrize(
    "status",
    [
        ended(1, "(ModuleNotFoundError: No module named 'transit_models')"),
        {
            "containerStatuses": [
                {
                    "name": "resolver",
                    "state": {"waiting": {"reason": "RunContainerError", "message": "…"}},
                    "lastState": ended(
                        128, 'exec: "python": executable file not found in $PATH', "StartError"
                    )["containerStatuses"][1]["state"],
                }
            ]
        },
    ],
    ids=["without transit-models", "without Python"],
)
def test_an_image_of_ones_own_is_told_the_versions_as_they_are_written(status: Object) -> None:
    asked_for = spec("1.4.0")
    found = answer(pod(status), asked_for, {}, MADE)
    assert isinstance(found, Pins)
    assert found.models == [PinnedModel(name="forest", version="1.4.0")]


SIGNED: dict[str, Any] = {"storage": {"uri": "s3://models", "verify": "Signature"}}
KEYS = {"release": "-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n"}


def test_an_image_that_can_ask_for_no_signature_is_refused_where_one_is_asked_for() -> None:
    asked_for = spec("1.4.0", **SIGNED)
    status = ended(1, "(ModuleNotFoundError: No module named 'transit_models')")
    found = answer(pod(status), asked_for, {}, MADE)
    assert isinstance(found, Problem)
    assert "storage.verify: Signature needs it" in found.message


def test_where_signatures_are_asked_for_the_look_up_asks_and_so_does_the_server() -> None:
    config = OperatorConfig.model_validate({"signing": {"keys": KEYS}})
    made = resolver_pod(OWNER, spec(**SIGNED), config, BASE)["spec"]["containers"][0]
    assert made["args"][3:5] == ["--signed-by", json.dumps(KEYS)]
    environment = {variable["name"]: variable.get("value") for variable in made["env"]}
    assert environment["TRANSIT_SIGNING_KEYS"] == json.dumps(KEYS)
    plain = resolver_pod(OWNER, spec(), config, BASE)["spec"]["containers"][0]
    assert "--signed-by" not in plain["args"]
    assert "TRANSIT_SIGNING_KEYS" not in {variable["name"] for variable in plain["env"]}


def test_without_a_key_no_signature_can_be_asked_for() -> None:
    with pytest.raises(Unbuildable, match=r"signing\.keys"):
        resolver_pod(OWNER, spec(**SIGNED), OperatorConfig(), BASE)


def test_other_content_of_a_known_version_is_refused_and_looked_at_again_later() -> None:
    contents = {("forest", "1.4.0"): OTHER, ("forest", "1.3.0"): DIGEST}
    said = pod(ended(0, FOUND, "Completed"))
    found = answer(said, SPEC, contents, MADE)
    assert isinstance(found, Problem)
    assert found.reason == "ContentChanged"
    for words in (DIGEST, OTHER, "forest 1.4.0", "another version", "resolve"):
        assert words in found.message
    assert found.look_again == MADE + 600
    assert change(said, at=MADE + 599, contents=contents) == ResolverChange()
    assert change(said, at=MADE + 600, contents=contents).remove == (BASE,)
    assert change(said, at=MADE + 600) == ResolverChange(), "an answer that will do stays"


def test_it_asks_for_every_model() -> None:
    models = [{"name": "a", "version": "latest"}, {"name": "b", "version": "1.0.0"}]
    made = resolver_pod(OWNER, spec(models=models), OperatorConfig(), BASE)
    assert made["spec"]["containers"][0]["args"][-2:] == ["a@latest", "b@1.0.0"]


def test_a_pod_that_says_nothing_is_looked_at_again_and_then_said_to_be_slow() -> None:
    soon = answer(pod({}), SPEC, {}, MADE + 5)
    assert isinstance(soon, Problem)
    assert soon.look_again == MADE + 20
    later = answer(pod({}), SPEC, {}, MADE + 20)
    assert isinstance(later, Problem)
    assert f"kubectl describe pod {BASE}" in later.message
    assert later.look_again == MADE + 600


def test_one_pod_is_made_and_no_second_one() -> None:
    assert change() == ResolverChange(make=BASE)
    assert change(pod({})) == ResolverChange()


def test_none_is_left_where_nothing_is_to_be_looked_up() -> None:
    assert change(pod(ended(0, FOUND, "Completed")), needed=False) == ResolverChange((BASE,))


def test_one_for_an_earlier_spec_makes_room() -> None:
    earlier = pod({}, name="kepler-resolve-earlier", key="earlier")
    assert change(earlier) == ResolverChange(("kepler-resolve-earlier",), BASE)


@pytest.mark.parametrize(
    ("status", "at", "anew"),
    [
        pytest.param({}, 599, False, id="waits until the deadline"),
        pytest.param({}, 600, True, id="not at it"),
        pytest.param(ended(1, "no bucket"), 601, True, id="an error is tried anew"),
        pytest.param(ended(0, "hello", "Completed"), 601, True, id="so is a wrong answer"),
        pytest.param(ended(0, FOUND, "Completed"), 9999, False, id="an answer stays"),
        pytest.param({"phase": "Failed", "reason": "Evicted"}, 29, False, id="the cause is told"),
        pytest.param({"phase": "Failed", "reason": "Evicted"}, 30, True, id="evicted: anew"),
    ],
)
def test_when_a_pod_is_made_anew(status: dict[str, Any], at: float, anew: bool) -> None:
    found = change(pod(status), at=MADE + at)
    assert (found.remove == (BASE,)) is anew
    if anew:
        assert found.make is not None
        assert found.make != BASE, "the name is taken until the old one is gone"


def test_one_that_never_goes_from_a_lost_node_is_in_nobodys_way() -> None:
    lost = pod({}, deletionTimestamp=rfc3339(MADE))
    first = change(lost, at=MADE + 60)
    assert first.remove == ()
    assert first.make not in (None, BASE)
    second = pod({"phase": "Failed"}, name=str(first.make))
    third = change(lost, second, at=MADE + 60)
    assert third.remove == (first.make,)
    assert third.make not in (None, BASE, first.make)
    assert answers(live(lost, pod(ended(0, FOUND, "Completed"), name="b")), SPEC, {}, MADE) == Pins(
        key=KEY, models=[PINNED]
    )


def test_no_mesh_puts_its_sidecar_in() -> None:
    made = resolver_pod(OWNER, SPEC, OperatorConfig(), BASE)["metadata"]
    assert made["annotations"]["sidecar.istio.io/inject"] == "false"
    assert made["labels"]["sidecar.istio.io/inject"] == "false"
    assert made["annotations"]["linkerd.io/inject"] == "disabled"


def test_its_resources_are_settable_and_have_limits_for_quotas() -> None:
    def resources(config: OperatorConfig) -> Any:
        return resolver_pod(OWNER, SPEC, config, BASE)["spec"]["containers"][0]["resources"]

    assert set(resources(OperatorConfig())["limits"]) == {"cpu", "memory"}
    mine = {"limits": {"cpu": "2"}}
    assert resources(OperatorConfig.model_validate({"resolver": {"resources": mine}})) == mine


def test_it_needs_no_api_keys() -> None:
    keys = spec("latest", server={"apiKeys": {"secretName": "not-there-yet"}})
    made = resolver_pod(OWNER, keys, OperatorConfig(), BASE)["spec"]
    assert "not-there-yet" not in json.dumps(made["volumes"])
    assert "api-keys" not in json.dumps(made["containers"][0]["volumeMounts"])


def test_it_gets_no_key_for_feedback() -> None:
    made = resolver_pod(OWNER, SPEC, OperatorConfig(), BASE)["spec"]
    assert "feedback" not in json.dumps([made["volumes"], made["containers"][0]["volumeMounts"]])


@pytest.mark.parametrize("spec_of_it", [SPEC, None], ids=["asks for an alias", "can't be read"])
def test_time_alone_makes_it_looked_at_again(spec_of_it: ModelDeploymentSpec | None) -> None:
    observed = Observed(
        now=MADE,
        namespace="ml",
        name="kepler",
        generation=1,
        spec=spec_of_it,
        status=ModelDeploymentStatus(),
        problem=Problem(RESOLVING, "soon", look_again=MADE + 20),
    )
    assert decide(observed).wake_at == MADE + 20


def test_it_is_looked_at_again_beside_a_stable_that_serves() -> None:
    world = World()
    world.run(600)
    observed = world.observed()
    assert observed.status.stable is not None
    waiting_for = replace(
        observed,
        spec=SPEC,
        wanted=None,
        problem=Problem(RESOLVING, "soon", look_again=observed.now + 20),
    )
    assert decide(waiting_for).wake_at == observed.now + 20
