"""Which commands make sense now, and what each of them would do, in words for a confirmation. Pure.

The operator decides what a command does (docs/reference/resource.md#commands); this only says it
beforehand.
Neighbour: `commanding` gives them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..cluster.connection import Object
from ..rollout.status.reading import models_text, steps_of
from ..rollout.status.shown import Shown, Step
from ..rollout.status.times import human

_AGAIN = "It is not tried again until the spec asks for another version, or you retry it."


@dataclass(frozen=True)
class Choice:
    """A command: its verb, what its button says, and what will happen. `hard`: it moves traffic."""

    verb: str
    label: str
    effect: str
    hard: bool = False


def choices(mdep: Object, shown: Shown) -> tuple[Choice, ...]:
    """Return the commands that would do something, the gentle ones first."""
    return tuple(_choices(mdep, shown))


def choice(mdep: Object, shown: Shown, verb: str) -> Choice | None:
    """Return one of them, if it makes sense now."""
    return next((one for one in _choices(mdep, shown) if one.verb == verb), None)


def _choices(mdep: Object, shown: Shown) -> Iterator[Choice]:
    status = mdep.get("status") or {}
    if shown.step is not None:
        yield from _of_a_rollout(mdep, shown, shown.step)
    elif shown.revision("leaving"):
        yield from _of_a_retreat(shown)
    elif shown.rejected is not None:
        yield _retry(mdep, shown)
    elif previous := status.get("previous"):
        yield _rollback(shown, models_text(previous.get("models", [])) or previous["revision"])
    if status.get("stable"):
        yield Choice(
            "resolve",
            "Look versions up",
            "Looks up the versions of the spec again. If an alias has moved since, or content was"
            " replaced, what they mean now is rolled out.",
        )


def _of_a_rollout(mdep: Object, shown: Shown, step: Step) -> Iterator[Choice]:
    status, what, stable = mdep["status"], _named(shown, "candidate"), _stable(shown)
    if status.get("paused"):
        text = f"Goes on after the pause: step {step.number} of {step.of}, {step.weight} %."
        yield Choice("resume", "Resume", text)
    else:
        yield Choice(
            "pause",
            "Pause",
            f"{what} takes no further step until you resume; it keeps {step.weight} % of the"
            " traffic. It goes on being judged, and is rolled back if a signal fails.",
        )
    yield Choice("promote", "Promote one step", _next_step(mdep, shown, step), hard=True)
    skipped = max(0, step.of - max(1, step.number))
    if skipped:
        text = f"{what} gets 100 % of the traffic at once, without the steps in between"
        yield Choice(
            "promote-full",
            "Promote fully",
            f"{text}, and becomes the stable version as soon as the traffic is there."
            f" {stable} is not kept as a standby.",
            hard=True,
        )
    yield Choice(
        "abort",
        "Abort",
        f"{what} is rolled back: its {step.weight} % of the traffic goes to {stable} as fast as"
        f" its ready pods can take it. {_AGAIN}",
        hard=True,
    )


def _next_step(mdep: Object, shown: Shown, step: Step) -> str:
    what = _named(shown, "candidate")
    steps = steps_of(mdep.get("spec") or {}, mdep["status"]["candidate"])
    if step.number >= len(steps):
        return f"{what} becomes the stable version now, without the rest of its last hold."
    following = steps[step.number]
    left = human(step.hold_seconds - step.held_seconds)
    waited = f", without waiting for the {left} that are left or for data" if step.number else ""
    return (
        f"{what} gets {following['weight']} % of the traffic now, in place of {step.weight} %"
        f"{waited}. A failing signal still rolls it back."
    )


def _of_a_retreat(shown: Shown) -> Iterator[Choice]:
    what, stable = _named(shown, "leaving"), _stable(shown)
    yield Choice(
        "abort",
        "Hurry back",
        f"All traffic goes to the ready pods of {stable} at once, even if they are too few.",
        hard=True,
    )
    yield Choice(
        "promote-full",
        "Turn round",
        f"{what} gets all traffic after all, whatever was found wrong with it.",
        hard=True,
    )


def _retry(mdep: Object, shown: Shown) -> Choice:
    assert shown.rejected is not None
    rejected = shown.rejected
    steps = ((mdep.get("spec") or {}).get("rollout") or {}).get("steps") or []
    first = f", with {steps[0]['weight']} % at first" if steps else ""
    return Choice(
        "retry",
        "Retry",
        f"Forgets that {rejected.models or rejected.revision} was rolled back ({rejected.reason}):"
        f" its rollout starts anew{first}.",
        hard=True,
    )


def _rollback(shown: Shown, previous: str) -> Choice:
    stable = _stable(shown)
    return Choice(
        "rollback",
        "Roll back",
        f"{previous} gets all traffic at once and is the stable version again; {stable} is rolled"
        f" back. The spec still asks for {stable}: change it, too. {_AGAIN}",
        hard=True,
    )


def _stable(shown: Shown) -> str:
    one = shown.revision("stable") or shown.revision("standby")
    return (one.models or one.revision) if one else "nothing"


def _named(shown: Shown, role: str) -> str:
    found = [one for one in shown.revisions if one.role == role]
    return (found[0].models or found[0].revision) if found else "the candidate"
