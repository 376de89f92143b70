"""Several operators: one writes at a time, and another goes on when it can't.

Real `transit-operator` processes, each behind a recording proxy of its own to the real API server.
No model server runs: a Deployment that the test scales, and the leader scales back, makes writes.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dev.cluster.paths import REPOSITORY
from dev.demo.kube import Kube
from tests.failover.proxy import Proxy
from tests.support import eventually, model_deployment

TAKEOVER_SECONDS = 20.0


class Candidate:
    """One operator process and what it asked the API server for."""

    def __init__(self, name: str, proxy: Proxy, folder: Path, namespace: str) -> None:
        self.proxy = proxy
        self.log = folder / f"{name}.log"
        config = folder / f"{name}.yaml"
        config.write_text(json.dumps({"namespaces": [namespace]}))
        command = [sys.executable, "-m", "transit_operator.runtime.main", f"--config={config}"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, f"--lease={namespace}/operators"],
                env={**os.environ, "KUBECONFIG": str(proxy.kubeconfig(folder / f"{name}.kube"))},
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=REPOSITORY,
            )

    def wrote(self, after: float = 0.0) -> float | None:
        """When its first write arrived."""
        return min((write.at for write in self.proxy.writes(after)), default=None)

    def says(self, words: str) -> bool:
        """Whether its log has these words."""
        return words in self.log.read_text()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


class Pool:
    """The operators of one test, and something that always asks for a write."""

    def __init__(self, kube: Kube, folder: Path, namespace: str, stack: ExitStack) -> None:
        self.kube, self.namespace = kube, namespace
        self._folder, self._stack = folder, stack
        self.all: list[Candidate] = []
        self._quiet = threading.Event()

    def add(self) -> Candidate:
        """Start one more operator and wait until it leads or follows."""
        assert self.kube.kubectl.kubeconfig is not None
        proxy = self._stack.enter_context(Proxy(Path(self.kube.kubectl.kubeconfig)))
        name = f"operator-{len(self.all)}"
        candidate = Candidate(name, proxy, self._folder, self.namespace)
        self._stack.callback(candidate.stop)
        self.all.append(candidate)

        def up() -> bool:
            assert candidate.process.poll() is None, candidate.log.read_text()
            return candidate.says(" leads")

        eventually(f"{name} leads or follows", up, 60)
        return candidate

    def disturb(self) -> None:
        """Scale the revision's Deployment by hand, until the end: the leader scales it back."""
        name = eventually("a Deployment", self._deployment)

        def go_on() -> None:
            count = 0
            while not self._quiet.wait(0.25):
                count += 1
                scale = ("scale", f"deployment/{name}", f"--replicas={3 + count % 5}")
                self.kube.says("-n", self.namespace, *scale)

        thread = threading.Thread(target=go_on)
        thread.start()
        self._stack.callback(thread.join, 10)
        self._stack.callback(self._quiet.set)

    def _deployment(self) -> str | None:
        found = self.kube.find("-n", self.namespace, "deployments")
        names = [item["metadata"]["name"] for item in found["items"]] if found else []
        return names[0] if names else None


@pytest.fixture
def pool(alone: Kube, namespace: str, tmp_path: Path) -> Iterator[Pool]:
    with ExitStack() as stack:
        yield Pool(alone, tmp_path, namespace, stack)


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
