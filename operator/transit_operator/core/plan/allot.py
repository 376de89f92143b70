"""The allotment of traffic by capacity: safety net, paced retreat and recovery are this function.

Invariants: shares sum to 100; who has no ready pod gets nothing while somebody has some; a share
rises no further than its pods can carry while another one could carry it.
"""

from collections.abc import Mapping

Weights = Mapping[str, int]  # revision → percent


def allot(wish: Weights, room: Weights, given: Weights) -> dict[str, int]:
    """Return who gets which percent next, without those that get nothing.

    `wish` is what the step asks for, together 100. `room` is the percent of all traffic that each
    one's ready pods can carry, 0 for none ready; its order is who is preferred. `given` is what
    each one has now.

    Each one gets its wish as far as it has room. What it carries already is not taken from it for
    want of room: one lost pod moves no traffic. What is left over goes to those with room, then
    stays with those that have it now, then goes to whoever has the most room.
    """
    if not any(room.values()):
        return {name: share for name, share in wish.items() if share}
    shares = {
        name: min(wish.get(name, 0), max(space, given.get(name, 0))) if space else 0
        for name, space in room.items()
    }
    for limits in (room, given):
        for name, space in room.items():
            left = 100 - sum(shares.values())
            more = limits.get(name, 0) - shares[name] if space else 0
            shares[name] += max(0, min(left, more))
    most = max(room, key=lambda name: room[name])
    shares[most] += 100 - sum(shares.values())
    return {name: share for name, share in shares.items() if share}
