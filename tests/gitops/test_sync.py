"""Rollouts by commits that Argo CD syncs: health, sync waves, and who writes what."""

import time

from tests.support import Object

from .scene import GitScene

QUIET_SECONDS = 300.0


def test_a_wave_waits_for_the_rollout_and_not_for_the_watch_after_it(scene: GitScene) -> None:
    """Given a version that serves, when a better one is committed, then what stands behind it
    comes when it has all the traffic, though it is watched for a day."""
    scene.holds("15s", "4s", "24h")
    first = scene.ask_for("1.0.0")
    scene.apply()
    scene.healthy()
    assert scene.status["stable"]["revision"] == first
    assert scene.last_wave() == "1"

    scene.after = "2"
    second = scene.ask_for("1.1.0")
    scene.apply()
    scene.until_given(second, 10)
    scene.app.refreshed()
    assert scene.app.health == "Progressing"
    assert "step 1 of 3" in told(scene)
    assert scene.app.status["operationState"]["phase"] == "Running"
    assert scene.last_wave() == "1", "a rollout is not waited for"
    scene.until_given(second, 100)
    scene.healthy()
    assert scene.last_wave() == "2"
    assert scene.status["phase"] == "Baking", "it is still watched"
    assert "watched until" in told(scene)
    assert scene.healths()[-2:] == ["Progressing", "Healthy"]


def test_a_bad_version_is_degraded_holds_the_wave_and_is_not_applied_again(
    scene: GitScene,
) -> None:
    """Given a version that serves, when a bad one is committed, then the sync fails, and Argo CD
    leaves it at that, until the commit is reverted."""
    first = scene.ask_for("1.0.0")
    scene.apply()
    scene.healthy()
    scene.after = "2"
    second = scene.ask_for("1.1.0", errors=0.3)
    scene.apply()
    scene.until_rejected(second, "ErrorRate")
    scene.degraded()
    assert scene.last_wave() == "1", "it was rolled back, and the wave went on"
    assert scene.app.of("ModelDeployment")["status"] == "Synced"
    assert "was rolled back, ErrorRate" in told(scene)

    before = version(scene.mdep.latest), scene.app.status["operationState"]
    for _ in range(3):
        scene.app.refreshed()
    assert (version(scene.mdep.latest), scene.app.status["operationState"]) == before
    assert scene.reasons(second).count("RolloutStarted") == 1

    scene.after = "1"
    scene.ask_for("1.0.0")
    scene.apply()
    scene.healthy()
    assert scene.status["stable"]["revision"] == first
    assert scene.reasons(second).count("RolloutStarted") == 1


def test_nobody_writes_once_all_is_settled_and_nothing_owned_is_pruned(scene: GitScene) -> None:
    """Given an Application with self-heal and pruning, when it is settled, then nothing at all is
    written for five minutes, though Argo CD compares meanwhile; and it heals what is changed."""
    scene.ask_for("1.0.0")
    scene.apply()
    scene.healthy()
    second = scene.ask_for("1.1.0")
    scene.apply()
    scene.until_stable(second)
    scene.healthy()
    scene.settled([second])
    before = written(scene)
    assert {"Deployment", "Service", "HTTPRoute", "ModelDeployment", "Secret"} <= {
        kind for kind, _, _ in before
    }
    quiet = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < quiet:
        scene.app.refreshed()
        assert written(scene) == before
        time.sleep(min(20.0, max(0.0, quiet - time.monotonic())))  # in which nothing may happen

    uids = {(kind, name): uid for kind, name, uid in before}
    scene.kube(
        *("-n", scene.namespace, "patch", "mdep", scene.name, "--type=merge"),
        *("-p", '{"spec": {"replicas": 2}}'),
    )
    scene.mdep.wait_for(
        "self-heal takes it back",
        lambda mdep: mdep["spec"]["replicas"] == 1 and mdep["metadata"]["generation"] > 3,
        60,
    )
    scene.until_stable(second)
    scene.settled([second])
    now = {(kind, name): uid for kind, name, uid in written(scene)}
    kept = [key for key in uids if key[0] not in ("Pod", "EndpointSlice")]
    assert {key: now.get(key) for key in kept} == {key: uids[key] for key in kept}


def told(scene: GitScene) -> str:
    """What the Application says of the ModelDeployment: as of the last refresh, or change of
    health; a message alone has Argo CD write nothing.
    """
    return str(scene.app.of("ModelDeployment").get("health", {}).get("message", ""))


def version(mdep: Object | None) -> tuple[int, str]:
    """What a write would change."""
    assert mdep is not None
    return mdep["metadata"]["generation"], mdep["metadata"]["resourceVersion"]


def written(scene: GitScene) -> dict[tuple[str, str, str], str]:
    """Kind, name and uid of each object of the namespace → its resourceVersion."""
    kinds = "mdep,secrets,configmaps,gateways.gateway.networking.k8s.io"
    found = scene.kube.find("-n", scene.namespace, kinds) or {"items": []}
    return {
        (obj["kind"], obj["metadata"]["name"], obj["metadata"]["uid"]): obj["metadata"][
            "resourceVersion"
        ]
        for obj in (*found["items"], *scene.owned())
    }
