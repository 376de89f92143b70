"""Whose fault a failed request was: the bad version's own, or anybody else's (there must be none).

An answer that names its revision is that revision's. An answer that doesn't is the bad version's
only if it came while the gateway gave that version traffic (or `SETTLE_SECONDS` after), which the
watch of the HTTPRoute knows, and, where the gateway made it, after the version's first answer:
before that, the gateway was sent to pods that it didn't know yet, which is nobody's model's fault.
Two numbers are kept apart: what a model server answered, and what the gateway answered for it (a
crashed server's connections break). Everything else counts as `others`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from dev.client.watch import Object, Seen

from .traffic import Answer

# Until a gateway follows a changed route, and answers to requests under way are back: 0.1 to 0.4 s
# on an idle machine, 2.5 s were seen on one with five times more to do than it has processors.
# `measure.times` tells how long it really was.
SETTLE_SECONDS = 3.0

RULE = (
    "A failed request counts as a bad version's own if its answer names that revision, or if it"
    " names none and came while the HTTPRoute gave that revision traffic (or within"
    f" {SETTLE_SECONDS:g} s after); the gateway's own errors only after the revision's first"
    " answer. All others must not happen."
)


@dataclass(frozen=True)
class Span:
    """A time in which a revision had traffic. `end` is None while it still has."""

    start: float
    end: float | None

    def touches(self, answer: Answer) -> bool:
        """Whether the request was under way in it."""
        end = float("inf") if self.end is None else self.end + SETTLE_SECONDS
        return answer.done >= self.start and answer.sent <= end


@dataclass
class Tally:
    """Requests and failures. `answered`: errors that the bad version's servers answered; `gateway`:
    errors of the gateway or the connection while it had traffic; `others`: nobody's excuse."""

    requests: int = 0
    answered: int = 0
    gateway: int = 0
    others: list[Answer] = field(default_factory=list)

    @property
    def own(self) -> int:
        """Failures that are the bad version's own, of both kinds."""
        return self.answered + self.gateway

    def add(self, other: "Tally") -> None:
        """Sum up."""
        self.requests += other.requests
        self.answered += other.answered
        self.gateway += other.gateway
        self.others += other.others

    def as_json(self) -> dict[str, object]:
        """For build/demo-timeline.json."""
        return {
            "requests": self.requests,
            "failedOfBadVersion": {"answeredByIt": self.answered, "gatewayErrors": self.gateway},
            "failedOthers": len(self.others),
            "others": [asdict(answer) for answer in self.others[:20]],
        }


def weights_of(route: Object | None, name: str) -> dict[str, int]:
    """Revision → weight in an HTTPRoute that Transit wrote for the ModelDeployment `name`."""
    rules = route["spec"].get("rules") or [] if route is not None else []
    return {
        str(backend["name"]).removeprefix(f"{name}-"): int(backend.get("weight", 1))
        for rule in rules
        for backend in rule.get("backendRefs") or []
    }


def spans(route: Sequence[Seen], name: str, revision: str) -> list[Span]:
    """When a revision had traffic, by what the watch of the HTTPRoute saw."""
    found: list[Span] = []
    for seen in list(route):
        has = weights_of(seen.object, name).get(revision, 0) > 0
        open_span = bool(found) and found[-1].end is None
        if has and not open_span:
            found.append(Span(seen.at, None))
        if not has and open_span:
            found[-1] = Span(found[-1].start, seen.at)
    return found


def is_of(answer: Answer, revision: str, had_traffic: Sequence[Span]) -> bool:
    """Whether an answer, good or bad, is counted as this revision's."""
    if answer.revision is not None:
        return answer.revision == revision
    return answer.failed and any(span.touches(answer) for span in had_traffic)


def tally(answers: Sequence[Answer], bad: str | None, had_traffic: Sequence[Span]) -> Tally:
    """Judge every answer. `bad` is the revision that may fail; None: none may."""
    result = Tally(requests=len(answers))
    own = [a for a in answers if bad is not None and is_of(a, bad, had_traffic)]
    first_answer = min((a.done for a in own if a.by_server), default=0.0)
    result.answered = sum(a.failed and a.by_server for a in own)
    gateway = [a for a in own if a.failed and not a.by_server and a.done >= first_answer]
    result.gateway = len(gateway)
    blamed = {id(a) for a in (*gateway, *(a for a in own if a.by_server))}
    result.others = [a for a in answers if a.failed and id(a) not in blamed]
    return result
