"""`models[].follow`: look aliases up again, and start a rollout when one has moved.

What was pinned stays the contract: only a look that succeeded, of a model that asks for it, changes
what is wanted, and from there on it is a new spec like any other. So a version that was rolled back
is not tried again while the alias still names it. Nobody looks while something is tried, while
traffic goes back, or while it is paused (docs/decisions/0074-aliases-that-are-followed.md).

Neighbours: `decide` calls `follow_aliases` after commands; `resolving` makes the pod where
`Decision.look_up` says so; `sought` has what it answered.
"""

import hashlib

from ...api.duration import seconds
from ...api.spec import ModelDeploymentSpec
from ...api.status import Followed, Phase, PinnedModel, Pins
from ..objects.resolver import RESOLVING
from ..objects.revision import content_key
from ..observed import Observed, Problem
from ..state import Rollout, Steady
from ..times import epoch, rfc3339
from . import changes
from .changes import note

JITTER = 0.1  # of the interval: what was made at one moment does not ask at one moment for ever


def follow_aliases(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> Rollout:
    """Return the rollout with what another look has found, from which the next one starts."""
    pins, key = rollout.rest.pins, content_key(spec)
    if not _followed(spec) or pins is None or not pins.models:
        return rollout if rollout.rest.followed is None else rollout.but(followed=None)
    before = rollout.rest.followed
    if before is None or before.key != key or epoch(before.at) > o.now:
        return rollout.but(followed=Followed(key=key, at=rfc3339(o.now)))
    found = o.followed
    if not look_due(o, spec, rollout) or found is None or _is_open(found):
        return rollout
    done = Followed(key=key, at=rfc3339(o.now))
    if isinstance(found, Problem):
        problem = found.message[:_LONGEST]
        return rollout.but(followed=done.model_copy(update={"problem": problem}))
    before_of, now_of = _by_name(pins), _by_name(found)
    if not all(model.name in before_of and model.name in now_of for model in spec.models):
        return rollout  # a status that nobody wrote who knows the spec: nothing is wanted by it
    models = [
        now_of[model.name] if model.follow is not None else before_of[model.name]
        for model in spec.models
    ]
    text = "; ".join(
        f"{model.version} of {model.name} is {now.version}, and was {before_of[model.name].version}"
        for model, now in zip(spec.models, models, strict=True)
        if now != before_of[model.name]
    )
    if not text:
        return rollout.but(followed=done)
    moved = Pins(key=key, models=models)
    phase = rollout.rest.phase or Phase.STABLE
    return note(o, rollout.but(followed=done, pins=moved), changes.ALIAS_MOVED, text, phase=phase)


def has_moved(rollout: Rollout) -> bool:
    """Tell whether this look has found an alias moved: the next one knows what is wanted."""
    return any(transition.reason == changes.ALIAS_MOVED for transition in rollout.told)


def look_due(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> bool:
    """Tell whether the aliases are to be looked up now."""
    at = look_at(o, spec, rollout)
    return at is not None and o.now >= at


def look_at(o: Observed, spec: ModelDeploymentSpec, rollout: Rollout) -> float | None:
    """Return when the aliases are to be looked up next, in epoch seconds; None: not as it is."""
    followed, pins, state = rollout.rest.followed, rollout.rest.pins, rollout.state
    calm = isinstance(state, Steady) and not state.held and not spec.suspend
    intervals = [seconds(follow) for follow in _followed(spec).values()]
    if not calm or not intervals or followed is None or pins is None or not pins.models:
        return None
    said = f"{o.namespace}/{o.name} {followed.at}"
    share = int.from_bytes(hashlib.sha256(said.encode()).digest()[:4]) / 2**32
    return epoch(followed.at) + min(intervals) * (1 + JITTER * share)


_LONGEST = 500  # letters of what went wrong


def _is_open(found: Pins | Problem) -> bool:
    return isinstance(found, Problem) and found.reason == RESOLVING


def _followed(spec: ModelDeploymentSpec) -> dict[str, str]:
    return {model.name: model.follow for model in spec.models if model.follow is not None}


def _by_name(pins: Pins) -> dict[str, PinnedModel]:
    return {model.name: model for model in pins.models}
