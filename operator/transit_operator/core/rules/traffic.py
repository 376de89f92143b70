"""The first rule: what the traffic really is, and since when. All others may ask for it."""

from ...api.status import Weight
from ..observed import Observed
from ..state import Rollout
from ..times import rfc3339


def see_traffic(o: Observed, rollout: Rollout) -> Rollout:
    """Return the rollout with the weights as they are read back from the cluster.

    Testers that are led elsewhere are a change, too: what they had has requests under way. Weights
    that no Gateway has taken are only written down: what lost its traffic by them drains from then
    on, and stays until then.
    """
    traffic = [Weight(revision=name, weight=w) for name, w in sorted(o.traffic.items()) if w > 0]
    rest, outdated = rollout.rest, o.route is not None and o.route.outdated
    if traffic != rest.traffic or o.testers != rest.testers:
        moved = {"traffic": traffic, "testers": o.testers, "untaken": outdated}
        return rollout.but(**moved, traffic_since=rfc3339(o.now))
    if rest.untaken and not outdated:
        return rollout.but(untaken=False, traffic_since=rfc3339(o.now))
    return rollout
