"""Several operators: one writes at a time, and another goes on when it can't.

Neighbour: `candidates` has the processes.
"""

import json
import os
import signal
import time

from tests.failover.candidates import Candidate, Pool
from tests.support import eventually, model_deployment

TAKEOVER_SECONDS = 20.0


def leader_and_follower(pool: Pool) -> tuple[Candidate, Candidate]:
    """Start two; the first leads, and writes all the time."""
    spec = {"replicas": 2, "server": {"image": "transit.invalid/none:1"}}
    pool.kube.apply(model_deployment("m", pool.namespace, **spec))
    leader = pool.add()
    pool.disturb()
    follower = pool.add()
    start = time.monotonic()
    eventually("the leader writes", lambda: len(leader.proxy.writes(start)) >= 5)
    assert follower.proxy.writes() == []
    return leader, follower


def takes_over(follower: Candidate, since: float) -> float:
    """Wait for the follower's first write and return the seconds it took."""
    at: float = eventually("the follower writes", follower.wrote, TAKEOVER_SECONDS + 10)
    took = at - since
    print(f"\ntook over after {took:.1f} s")
    return took


def one_at_a_time(first: Candidate, then: Candidate) -> None:
    """No write of the first one arrived after one of the other."""
    assert first.proxy.writes()[-1].at < then.proxy.writes()[0].at


def test_sigterm_hands_over_within_seconds(pool: Pool) -> None:
    leader, follower = leader_and_follower(pool)
    start = time.monotonic()
    leader.process.send_signal(signal.SIGTERM)
    took = takes_over(follower, start)
    assert leader.process.wait(20) == 0, leader.log.read_text()
    assert took < 6, leader.log.read_text()
    one_at_a_time(leader, follower)


def test_sigkill_costs_less_than_20_seconds(pool: Pool) -> None:
    leader, follower = leader_and_follower(pool)
    start = time.monotonic()
    leader.process.kill()
    assert takes_over(follower, start) < TAKEOVER_SECONDS
    one_at_a_time(leader, follower)


def test_a_leader_that_was_frozen_writes_nothing_and_ends(pool: Pool) -> None:
    leader, follower = leader_and_follower(pool)
    # Frozen in the middle of a look: the status of a new revision is written, the rest is not.
    leader.proxy.answer_delay = 0.5
    models = [{"name": "random_forest", "version": "1.1.0"}]
    patch = json.dumps({"spec": {"models": models}})
    before = time.monotonic()
    pool.kube("-n", pool.namespace, "patch", "mdep", "m", "--type=merge", "-p", patch)

    def status_is_written() -> bool:
        return any("/modeldeployments/m/status" in w.path for w in leader.proxy.writes(before))

    eventually("the status is written", status_is_written, pause=0.01)
    os.kill(leader.process.pid, signal.SIGSTOP)
    frozen = time.monotonic()
    assert takes_over(follower, frozen) < TAKEOVER_SECONDS
    thawed = time.monotonic()
    os.kill(leader.process.pid, signal.SIGCONT)
    assert leader.process.wait(10) == 1
    assert leader.says("does not lead any more")
    assert leader.proxy.writes(frozen + 0.05) == []
    assert leader.proxy.lease_writes(thawed) == []
    one_at_a_time(leader, follower)


def test_a_leader_without_network_stops_before_another_begins(pool: Pool) -> None:
    leader, follower = leader_and_follower(pool)
    start = time.monotonic()
    leader.proxy.cut()
    assert leader.process.wait(12) == 1
    assert follower.wrote() is None, "it began before the leader had ended"
    assert leader.says("the Lease was not renewed")
    assert takes_over(follower, start) < TAKEOVER_SECONDS
    one_at_a_time(leader, follower)
