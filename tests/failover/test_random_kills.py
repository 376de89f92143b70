"""The leading operator is killed at random moments: nothing is skipped, repeated or left behind.

A kill here is a pod deleted with no grace, which its kubelet turns into a SIGKILL. The other
replica goes on. `test_interrupted.py` does the same after every single write.
"""

import random
import time

from dev.client.kube import Kube
from tests.scenarios.history import weights_seen
from tests.scenarios.scene import steady
from tests.support import eventually

from .release import LEASE, Release

SEED = 20261124
KILLS = 3


def leader(release: Release) -> str:
    """The pod that holds the Lease."""
    found = release.kube.find("-n", release.system, "lease", LEASE) or {"spec": {}}
    return str(found["spec"].get("holderIdentity", "")).partition("_")[0]


def kill_the_leader(release: Release) -> None:
    """SIGKILL it, and wait until another one leads."""
    before = eventually("somebody leads", lambda: leader(release))
    now = ("--grace-period=0", "--force", "--wait=false")
    release.kube("-n", release.system, "delete", "pod", before, *now)
    eventually("another one leads", lambda: leader(release) not in ("", before), 30)


def test_under_random_kills_a_rollout_takes_every_step_once_and_a_bad_version_goes_back(
    alone: Kube,
) -> None:
    """Given a good candidate, and another one's at 50 % that turns bad, when the leader is killed
    again and again, then the one is promoted and the other one rolled back.
    """
    chance = random.Random(SEED)
    with (
        Release(alone, "kills", "replicas=2") as release,
        steady(alone, release.models[0]) as scene,
        steady(alone, release.models[0], "other") as other,
    ):
        gateway = other.spec["traffic"]["gateway"]
        gateway["hostnames"] = [f"other.{scene.namespace}.example.com"]
        other.holds("2s", "10m", "3s")
        scene.holds("6s", "6s", "6s")
        good = other.roll_out("1.0.0")
        scene.serving()
        other.until_stable(good)
        bad = other.roll_out("1.1.0")
        other.until_step(bad, 2, 60)
        second = scene.roll_out("1.1.0")
        for step in range(1, KILLS + 1):
            scene.until_step(second, step, 120)
            if step == KILLS:
                other.tell(bad, errors=0.5)
            time.sleep(chance.uniform(0, 3))  # waits for nothing: where a kill hits is chance
            kill_the_leader(release)
        scene.until_stable(second, 180)
        assert weights_seen(scene.mdep.seen, second) == [0, 10, 50, 100]
        assert scene.reasons(second) == ["RolloutStarted", *["StepReached"] * 3, "Promoted"]
        scene.settled([second])
        other.until_rejected(bad, "ErrorRate", 120)
        assert other.reasons(bad).count("Rejected") == 1
        other.settled([good])
