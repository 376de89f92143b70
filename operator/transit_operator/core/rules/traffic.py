"""The first rule: what the traffic really is, and since when. All others may ask for it."""

from ...api.status import Weight
from ..observed import Observed
from ..state import Rollout
from ..times import rfc3339


def see_traffic(o: Observed, rollout: Rollout) -> Rollout:
    """Return the rollout with the weights as they are read back from the cluster.

    Testers that are led elsewhere are a change, too: what they had has requests under way.
    """
    traffic = [Weight(revision=name, weight=w) for name, w in sorted(o.traffic.items()) if w > 0]
    rest = rollout.rest
    if traffic == rest.traffic and o.testers == rest.testers:
        return rollout
    return rollout.but(traffic=traffic, testers=o.testers, traffic_since=rfc3339(o.now))
