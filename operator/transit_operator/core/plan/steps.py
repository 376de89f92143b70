"""Where a rollout is among its steps, and how many pods a weight needs.

The spec's steps may be edited in mid-way, so the place is found again by the weight that is really
given, never by an index that once was right.
"""

import math

from ...api.rollout import Step
from ...api.spec import ModelDeploymentSpec
from ...api.status import CandidateStatus


def steps_of(spec: ModelDeploymentSpec, candidate: CandidateStatus) -> list[Step]:
    """Return the steps that a candidate takes: the last one only, where it was stable lately."""
    steps = spec.rollout.steps
    return steps[-1:] if candidate.straight else steps


def place(steps: list[Step], candidate: CandidateStatus) -> int:
    """Return the number of the step the candidate is at: 0 before the first, else from 1.

    After an edit it is the last step whose weight isn't above the weight reached, so the next one
    is never jumped over.
    """
    if candidate.step == 0:
        return 0
    return max(1, sum(step.weight <= candidate.weight for step in steps))


def next_step(steps: list[Step], candidate: CandidateStatus) -> int | None:
    """Return the number of the step after the present one, or None at the last."""
    if candidate.forced == "full":
        return len(steps) if candidate.weight < 100 else None
    at = place(steps, candidate)
    if at >= 1 and candidate.weight < steps[at - 1].weight:
        return at  # the steps were edited to begin above the weight reached
    return at + 1 if at < len(steps) else None


def pods_for(spec: ModelDeploymentSpec, weight: int, full: int) -> int:
    """Return how many candidate pods a weight needs, at least 1.

    gateway: its share of `full` (the pods that carry all traffic), rounded up. replicas: as many as
    give it that share of all pods while the stable keeps all of its own, at most `full` (so at most
    half before 100).
    """
    if weight >= 100:
        return full
    if spec.traffic.router == "replicas":
        wanted = round(full * weight / (100 - weight))
    else:
        wanted = math.ceil(full * weight / 100)
    return min(full, max(1, wanted))


def standby_pods(full: int) -> int:
    """Return how many pods the standby keeps during the last hold: half, rounded up.

    It must take over at once, but needn't cost twice the pods for a day
    (docs/decisions/0003-standby-size.md).
    """
    return math.ceil(full / 2)
