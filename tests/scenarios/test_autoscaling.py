"""An autoscaler owns the pods, Transit its bounds (docs/decisions/0009-autoscaling.md).

These tests scale as an autoscaler does, by the scale subresource, in a cluster without metrics API:
the real controller enforces minReplicas and maxReplicas meanwhile, and wants nothing itself.
"""

from tests.support import eventually

from .history import statuses
from .scaling import autoscale, bounds, deployment, sizes, watched
from .scene import Scene

SCALED = {"min": 1, "max": 4}


def serving_autoscaled(scene: Scene) -> str:
    """Given a stable version with an autoscaler; its revision."""
    of_metrics = scene.kube.find("apiservice", "v1beta1.metrics.k8s.io")
    assert of_metrics is None, (
        "with a metrics API the autoscaler would undo what these tests do: remove the API service"
        " v1beta1.metrics.k8s.io, or use the local cluster"
    )
    del scene.spec["replicas"]
    scene.spec["autoscaling"] = SCALED
    first = scene.serving()
    eventually("an autoscaler", lambda: bounds(scene, first) == (1, 4), 15)
    return first


def autoscaled(scene: Scene) -> str:
    """Given a stable version that the load has brought to four pods."""
    first = serving_autoscaled(scene)
    autoscale(scene, first, 4)
    return first


def test_the_candidate_gets_its_share_of_todays_pods(scene: Scene) -> None:
    """Given four pods by load, when a candidate is at 50 %, then it has two, and 4 at 100 %."""
    scene.holds("2s", "10m", "10m")
    first = autoscaled(scene)
    second = scene.roll_out("1.1.0")
    weights = scene.until_given(second, 50)
    assert deployment(scene, first)["spec"]["replicas"] == 4, "nobody put it back"
    assert deployment(scene, second)["spec"]["replicas"] == 2
    assert bounds(scene, first) == (4, 4), "it can take everything back"
    autoscale(scene, second, 3)
    scene.evaluations(2)
    assert scene.status["traffic"] == weights, "a scale event moves no weight"
    assert deployment(scene, second)["spec"]["replicas"] == 3, "nor is it put back"
    scene.command("promote")
    scene.until_step(second, 3, 60)
    assert deployment(scene, second)["spec"]["replicas"] == 4
    scene.evaluations(3)
    assert bounds(scene, second) == (4, 4), "its autoscaler's figures are still of half the load"


def test_pods_change_hands_without_a_dip(scene: Scene) -> None:
    """Given three replicas, when an autoscaler takes over and gives back, then none is lost."""
    scene.spec["replicas"] = 3
    first = scene.serving()
    before = deployment(scene, first)["metadata"]["generation"]
    del scene.spec["replicas"]
    scene.spec["autoscaling"] = {"min": 2, "max": 4}
    scene.apply()
    eventually("an autoscaler that begins where they are", lambda: bounds(scene, first), 15)
    assert bounds(scene, first) == (3, 4)
    del scene.spec["autoscaling"]
    scene.spec["replicas"] = 3
    scene.apply()
    eventually("no autoscaler", lambda: bounds(scene, first) is None, 15)
    after = deployment(scene, first)
    assert after["spec"]["replicas"] == 3
    assert after["metadata"]["generation"] == before, "its spec was changed in between"


def test_nobody_puts_back_what_the_autoscaler_chose(scene: Scene) -> None:
    """Given 50 %, when the stable is scaled within its bounds, then it stays so, and once only."""
    scene.holds("2s", "10m", "3s")
    first = serving_autoscaled(scene)
    second = scene.roll_out("1.1.0")
    weights = scene.until_given(second, 50)
    with watched(scene, first) as stable, watched(scene, second) as candidate:
        eventually("both are watched", lambda: stable.latest and candidate.latest, 10)
        autoscale(scene, first, 4)
        eventually("half as many", lambda: sizes(candidate) == [1, 2], 15)
        eventually("it can take everything back", lambda: bounds(scene, first) == (4, 4), 15)
        scene.evaluations(15)  # one a second: as long as the real autoscaler's period
        assert sizes(stable) == [1, 4]
        assert sizes(candidate) == [1, 2]
    assert scene.status["traffic"] == weights
    assert scene.given_weights(second) == [10, 50]


def test_a_scale_event_on_the_way_back_takes_nothing_from_the_stable(scene: Scene) -> None:
    """Given four pods at 100 % and a standby of two, when it turns bad, then load sets the pace."""
    scene.holds("1s", "1s", "10m")
    first = autoscaled(scene)
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 3, 60)
    eventually("the stable is a standby", lambda: bounds(scene, first) == (2, 4), 30)
    autoscale(scene, first, 2)
    mark = len(scene.mdep.seen)
    scene.tell(second, errors=0.5)
    scene.until("it is being rolled back", lambda s: s["phase"] == "RollingBack", 30)
    scene.kube("-n", scene.namespace, "scale", f"deployment/m-{second}", "--replicas=3")
    scene.until_rejected(second, "ErrorRate", 40)
    shares = [
        {w["revision"]: w["weight"] for w in status["traffic"]}.get(first, 0)
        for status in statuses(scene.mdep.seen[mark:])
    ]
    assert shares == sorted(shares), "the stable's share fell"
    assert set(shares) <= {0, 50, 75, 100}, shares
    assert 50 in shares, "it took over more than its ready pods can carry"
    assert deployment(scene, first)["spec"]["replicas"] == 4
