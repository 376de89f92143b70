"""All signals, in the order in which one of several that fail is the reason.

To add one: a file beside this one with a class like the others, a line in `SIGNALS`, and its rule
in `api/analysis.py` (and its reason in `api/status.py`).
Neighbours: `rules.evaluate` judges; `adapters.prometheus` asks what `queries` says.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from ...api.analysis import Analysis, Judged
from ...api.status import Evidence, RejectReason
from . import custom
from .accuracy import AccuracySignal
from .drift import DriftSignal
from .error_rate import ErrorRateSignal
from .evidence import Input, with_mode
from .health import HealthSignal
from .invalid import InvalidSignal
from .latency import LatencySignal
from .samples.query import PREDICTIONS, Query
from .traffic import TrafficSignal


class Signal(Protocol):
    """One thing measured, whole: what is asked, how it is read, judged and told."""

    @property
    def name(self) -> str:
        """As in the spec, and in `signals` of the status."""

    @property
    def reason(self) -> RejectReason:
        """Why a candidate is rejected that it fails."""

    @property
    def queries(self) -> Sequence[Query]:
        """What must be asked; two signals may ask the same. None: needs no Prometheus."""

    @property
    def compares(self) -> bool:
        """Whether it compares with the stable, so that a broken one is no measure."""

    def rule(self, analysis: Analysis) -> Judged | None:
        """Return its part of the spec; None where it isn't judged."""

    def judge(self, i: Input) -> Evidence:
        """Judge. Only called where there is a rule."""


SIGNALS: Final[tuple[Signal, ...]] = (
    ErrorRateSignal(),
    LatencySignal(),
    DriftSignal(),
    AccuracySignal(),
    InvalidSignal(),
    TrafficSignal(),
    HealthSignal(),
)


def rule_of(signal: Signal, analysis: Analysis) -> Judged | None:
    """Return the rule of a signal that is to be judged; None where it is off."""
    rule = signal.rule(analysis)
    return None if rule is None or rule.mode == "Off" else rule


def queries(analysis: Analysis) -> list[Query]:
    """Return what Prometheus is asked for an analysis, each once.

    Predictions always: what is seen of a candidate's pods is seen by them.
    """
    asked = [PREDICTIONS]
    for signal in SIGNALS:
        if rule_of(signal, analysis) is not None:
            asked += [query for query in signal.queries if query not in asked]
    return asked


def judge(i: Input) -> list[Evidence]:
    """Return the evidence of every signal that is on: custom ones after those of Prometheus."""
    found = [
        with_mode(rule, signal.judge(i))
        for signal in SIGNALS
        if (rule := rule_of(signal, i.analysis)) is not None
        and (signal.queries or i.pods is not None)
    ]
    measured = [e for e in found if e.signal != HealthSignal.name]
    return [*measured, *custom.judge(i), *(e for e in found if e.signal == HealthSignal.name)]


def reason_of(evidence: Evidence) -> RejectReason:
    """Return why a candidate is rejected by this evidence."""
    reasons = {signal.name: signal.reason for signal in SIGNALS}
    return reasons.get(evidence.signal, RejectReason.CUSTOM)


def compared(evidence: Evidence) -> bool:
    """Tell whether it comes from a comparison with the stable."""
    return any(signal.compares for signal in SIGNALS if signal.name == evidence.signal)
