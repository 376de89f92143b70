"""What all signals share: what they judge, the ladder of verdicts, and the shape of evidence.

NoData is never Pass. Neighbours: each signal's own file; `registry` has their order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ...api.analysis import Analysis, Judged
from ...api.duration import seconds
from ...api.status import Baseline, Evidence, Verdict
from ..observed import Readings
from ..times import rfc3339
from .samples.query import Query

# Why there is no data, beside what the adapters say.
NO_SERIES: Final = "NoSeries"
NO_BASELINE: Final = "NoBaseline"
NO_CLASSES: Final = "NoClasses"
TOO_FEW_SAMPLES: Final = "TooFewSamples"

PLENTY: Final = (
    10  # times minSamples: from there on a value is compared with its threshold as it is
)
# What any client can send by choice, not by chance, it can send again: so much surer it must be.
TRIES: Final = 10
BY_CHANCE: Final = "; by chance? it fails when sure at 99.9 %"
MESSAGE_LENGTH: Final = 1000
NAMED: Final = 5  # models or classes that a message names
ALL_MODELS: Final = "all models"


@dataclass(frozen=True)
class Given:
    """The share of the traffic that the candidate really has, in percent, and since when.

    `exact`: by weights for each request, not by connections to pods. `before` is the share of the
    step before. `untaken` says why it may be written down only, and given by no Gateway.
    """

    share: int
    since: float
    exact: bool = True
    before: int = 0
    untaken: str = ""


@dataclass(frozen=True)
class Pods:
    """The candidate's pods, and evaluations in a row in which something was wrong with them.

    `burden` is evaluations that saw a restart, of long ago less; `replaced` are those missing only
    because others were evicted or drained.
    """

    ready: int
    expected: int
    restarts: int
    failures: int
    count: int
    why: str = ""
    burden: float = 0.0
    replaced: int = 0


@dataclass(frozen=True)
class Input:
    """All that a signal may look at. `kept` stands for a stable without traffic of its own."""

    analysis: Analysis
    readings: Readings
    now: float
    kept: Baseline | None = None
    given: Given | None = None
    pods: Pods | None = None

    @property
    def window(self) -> float:
        return seconds(self.analysis.window)

    def enough(self, samples: float) -> bool:
        return samples >= self.analysis.min_samples

    def plenty(self, samples: float) -> bool:
        return samples >= PLENTY * self.analysis.min_samples


def ladder(*, over: bool, sure: Callable[[], bool], enough: bool, plenty: bool) -> Verdict:
    """The one rule: beyond the threshold and sure, or with plenty of samples, it fails.

    Beyond it, but by chance perhaps, is NoData, as is what has too few samples.
    """
    if over and (plenty or sure()):
        return Verdict.FAIL
    return Verdict.PASS if enough and not over else Verdict.NO_DATA


def evidence(
    i: Input,
    signal: str,
    verdict: Verdict,
    message: str,
    *,
    reason: str | None = None,
    value: float | None = None,
    baseline: float | None = None,
    threshold: float | None = None,
    samples: float | None = None,
    windowed: bool = True,
) -> Evidence:
    """Return evidence with all figures rounded and the message no longer than it may be."""
    return Evidence(
        signal=signal,
        verdict=verdict,
        reason=reason or (TOO_FEW_SAMPLES if verdict is Verdict.NO_DATA else None),
        value=_rounded(value),
        baseline=_rounded(baseline),
        threshold=threshold,
        samples=_rounded(samples),
        window=i.window if windowed else None,
        time=rfc3339(i.now),
        message=capped(message),
    )


def no_data(
    signal: str, reason: str, message: str, now: float, samples: float | None = None
) -> Evidence:
    """Return the evidence of a signal that can't be judged, and why. `now` in epoch seconds."""
    return Evidence(
        signal=signal,
        verdict=Verdict.NO_DATA,
        reason=reason,
        samples=_rounded(samples),
        time=rfc3339(now),
        message=capped(message),
    )


def blind(i: Input, signal: str, *queries: Query) -> Evidence | None:
    """Return the evidence of a query that was not answered; None where all were."""
    for query in queries:
        if problem := i.readings.problems.get(query.name):
            return no_data(signal, problem.reason, problem.message, i.now)
    return None


@dataclass(frozen=True)
class Finding:
    """What was found of one model. `rare`: it alone is too little to be judged by."""

    evidence: Evidence
    rare: bool = False


def worst(findings: Mapping[str, Finding], named: bool = False) -> Evidence:
    """Return the one evidence of a signal that judged models: the worst, which names its model.

    A model with too little traffic holds nobody, as long as another one (or all together) could be
    judged; it is told. A failure counts whatever the model's traffic.
    """
    able = {m: f for m, f in findings.items() if not f.rare or f.evidence.verdict is Verdict.FAIL}
    rare = [] if not able else sorted(set(findings) - set(able))
    model, found = max((able or dict(findings)).items(), key=lambda item: _badness(item[1]))
    message = found.evidence.message
    if named or len(findings) > 1:
        message = f"{model}: {message}"
    if rare:
        fewer = "too little of it to judge alone"
        message = f"{capped(message, MESSAGE_LENGTH // 2)} ({listed(rare)}: {fewer})"
    return found.evidence.model_copy(update={"message": capped(message)})


def _badness(found: Finding) -> tuple[int, float]:
    order = {Verdict.FAIL: 2, Verdict.NO_DATA: 1, Verdict.PASS: 0}
    of = found.evidence
    over = of.baseline if of.baseline else 1.0
    return order[of.verdict], (of.value or 0.0) / over


def with_mode(rule: Judged, found: Evidence) -> Evidence:
    """Return the evidence as its rule's mode has it."""
    return found.model_copy(update={"mode": "Warn"}) if rule.mode == "Warn" else found


def fails(found: Evidence) -> bool:
    """Tell whether it rejects the candidate."""
    return found.verdict is Verdict.FAIL and found.mode is None


def warns(found: Evidence) -> bool:
    """Tell whether it would reject the candidate, were it enforced."""
    return found.verdict is Verdict.FAIL and found.mode == "Warn"


def listed(names: list[str]) -> str:
    """Return names for people, a few of many."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def capped(text: str, length: int = MESSAGE_LENGTH) -> str:
    """Return a text that is not longer than so many bytes."""
    if len(text.encode()) <= length:
        return text
    return text.encode()[: length - 3].decode(errors="ignore") + "…"


def too_few(samples: float, minimum: int) -> str:
    return f"{counted(samples, 'sample')} of the {minimum} needed"


def not_sure(i: Input) -> str:
    needed = PLENTY * i.analysis.min_samples
    return f"; by chance? it fails when sure at 99 %, or with {needed}"


def count(value: float) -> str:
    return str(round(value))


def counted(value: float, noun: str) -> str:
    """Return `1 request`, `2 requests`; of a fraction what is nearest."""
    return f"{count(value)} {noun}" + ("" if round(value) == 1 else "s")


def _rounded(value: float | None) -> float | None:
    """Six significant digits: enough for anybody, and status doesn't change for noise."""
    return None if value is None else float(f"{value:.6g}")
