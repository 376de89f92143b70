"""Until when gateways may still send to what has lost its traffic: nothing shrinks before that."""

import math

from ...api.duration import seconds
from ...api.spec import ModelDeploymentSpec
from ..state import Rollout
from ..times import epoch


def moved_at(rollout: Rollout) -> float:
    """Return when the weights last changed, in epoch seconds."""
    since = rollout.rest.traffic_since
    return epoch(since) if since is not None else -math.inf


def drained_at(spec: ModelDeploymentSpec, rollout: Rollout) -> float:
    """Return when the weights have been as they are for `traffic.drain`, in epoch seconds.

    A deadline for pods that need the room of others begins no earlier.
    """
    return moved_at(rollout) + seconds(spec.traffic.drain)
