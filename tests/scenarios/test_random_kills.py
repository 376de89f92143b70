"""The leading operator is killed at random moments: nothing is skipped, repeated or left behind.

A kill here is a pod deleted with no grace, which its kubelet turns into a SIGKILL. The other
replica goes on. `tests/api/test_interrupted.py` does the same after every single write.
"""

import random
import time
from collections.abc import Iterator

import pytest

from dev.demo.kube import Kube
from tests.support import OPERATOR, SYSTEM, eventually

from .history import weights_seen
from .scene import Scene

pytestmark = pytest.mark.disruptive
SEED = 20261124
KILLS = 3
LEASE = "transit-operator"


@pytest.fixture(autouse=True)
def two_operators(operator: Kube) -> Iterator[None]:
    """Afterwards both are there again, for whoever comes next."""
    yield
    operator("-n", SYSTEM, "rollout", "status", OPERATOR, "--timeout=120s")


def leader(kube: Kube) -> str:
    """The pod that holds the Lease."""
    found = kube.find("-n", SYSTEM, "lease", LEASE) or {"spec": {}}
    return str(found["spec"].get("holderIdentity", "")).partition("_")[0]


def kill_the_leader(kube: Kube) -> None:
    """SIGKILL it, and wait until another one leads."""
    before = eventually("somebody leads", lambda: leader(kube))
    kube("-n", SYSTEM, "delete", "pod", before, "--grace-period=0", "--force", "--wait=false")
    eventually("another one leads", lambda: leader(kube) not in ("", before), 30)


def test_a_rollout_under_random_kills_takes_every_step_once(scene: Scene) -> None:
    """Given a good candidate, when the leader is killed again and again, then it is promoted."""
    chance = random.Random(SEED)
    scene.holds("6s", "6s", "6s")
    scene.serving()
    second = scene.roll_out("1.1.0")
    for step in range(1, KILLS + 1):
        scene.until_step(second, step, 120)
        time.sleep(chance.uniform(0, 3))  # waits for nothing: where a kill hits is left to chance
        kill_the_leader(scene.kube)
    scene.until_stable(second, 180)
    assert weights_seen(scene.mdep.seen, second) == [0, 10, 50, 100]
    assert scene.reasons(second) == ["RolloutStarted", *["StepReached"] * 3, "Promoted"]
    scene.settled([second])


def test_a_rollback_under_a_kill_ends_with_the_stable(scene: Scene) -> None:
    """Given a candidate at 50 % that turns bad, when the leader dies, then traffic goes back."""
    scene.holds("2s", "10m", "3s")
    first = scene.serving()
    second = scene.roll_out("1.1.0")
    scene.until_step(second, 2, 60)
    scene.tell(second, errors=0.5)
    kill_the_leader(scene.kube)
    scene.until_rejected(second, "ErrorRate", 120)
    assert scene.reasons(second).count("Rejected") == 1
    scene.settled([first])
