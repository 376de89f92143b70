"""Many rollouts at once, tick by tick: draw requests, look through the window, judge, go on.

The clock of a step is that of `core.evaluate` and `core.advance`: an evaluation that passed adds
one interval, unless the one before was blind; a blind one adds nothing; one Fail ends the rollout.
Pods are always ready, and a scrape comes just before every evaluation.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from transit_operator.api.analysis import Latency
from transit_operator.api.duration import seconds
from transit_operator.api.rollout import Rollout
from transit_operator.core.signals.statistics import outer_quantile

from .traffic import DAY_SECONDS, Fault, Floats, Histogram, Regime
from .verdicts import JUDGED, Bools, Figures, Kept, check, judge
from .windows import Ints, Window, histogram_quantile

CHECK_EVERY = 50  # ticks between two comparisons with the real rules, beside every Fail
SLACK_SECONDS = 86_400  # blind time a rollout may have before the simulation gives it up

Progress = Callable[[float], None]


@dataclass
class Outcome:
    """What became of the rollouts of one regime. One entry a rollout, in no order."""

    rollouts: int
    promoted: int = 0
    waiting: dict[int, int] = field(default_factory=dict)  # weight → rollouts still there
    failed: dict[str, int] = field(default_factory=dict)  # signal → rollbacks
    failed_at: dict[int, int] = field(default_factory=dict)  # weight → rollbacks
    requests: list[int] = field(default_factory=list)  # the candidate's, since the fault began
    evaluations: list[int] = field(default_factory=list)  # since the fault began
    looks: int = 0
    checked: int = 0
    example: str = ""

    @property
    def rollbacks(self) -> int:
        return sum(self.failed.values())


class Rollouts:
    """The state of the rollouts that are still under way, one row each."""

    def __init__(
        self, regime: Regime, fault: Fault | None, rollout: Rollout, rows: int, seed: int
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._regime, self._fault, self._rollout = regime, fault, rollout
        analysis = rollout.analysis
        self._interval = seconds(analysis.interval)
        self._weights = np.array([step.weight for step in rollout.steps])
        self._holds = np.array([seconds(step.hold) for step in rollout.steps])
        self._base_mix = np.array(regime.classes) / sum(regime.classes)
        slow = regime.slow_minutes
        slower = fault.slower if fault else 1.0
        factors = {1.0, slower} | ({slow.factor, slow.factor * slower} if slow else set())
        self._histogram = Histogram(regime.shape, tuple(sorted(factors)))
        self._chances = {factor: self._histogram.chances(factor) for factor in factors}

        scrapes = round(seconds(analysis.window) / self._interval)
        columns = len(self._histogram.edges) - 1 + 1 + len(regime.classes)
        self._mine = Window(rows, columns, scrapes)
        self._stable = Window(rows, columns, scrapes)
        self._kept = Kept(
            np.full(rows, np.nan), np.zeros((rows, len(regime.classes))), np.zeros(rows)
        )
        self.step = np.zeros(rows, dtype=np.int64)
        self.held = np.zeros(rows)
        self.blind = np.zeros(rows, dtype=bool)
        self._phase = self._rng.uniform(0, DAY_SECONDS, rows)
        self._slow = np.zeros(rows, dtype=bool)
        self._requests = np.zeros(rows, dtype=np.int64)
        self.alive = np.ones(rows, dtype=bool)
        self.outcome = Outcome(rows)
        self.seen: tuple[Figures, Figures] | None = None  # candidate and stable, last evaluation

    def run(self, limit: float, progress: Progress) -> Outcome:
        """Run until all rollouts have ended, or for so many seconds."""
        for _ in range(self._mine.scrapes):  # only the baseline is of interest before step 1
            self._stable.push(self._draw(np.full(len(self.held), 100.0), 0.0, None))
        self._kept.renew(
            self._figures(self._stable), self.alive, self._rollout.analysis.min_samples
        )
        ticks = round(limit / self._interval)
        for tick in range(1, ticks + 1):
            self.tick(tick)
            if not self.alive.any():
                break
            if self.alive.mean() < 0.8:
                self._forget()
            if tick % 40 == 0:
                progress(tick / ticks)
        for weight in self._weights[self.step[self.alive]]:
            waiting = self.outcome.waiting
            waiting[int(weight)] = waiting.get(int(weight), 0) + 1
        return self.outcome

    def tick(self, tick: int) -> None:
        """Live through one interval, counted from 1, and evaluate at its end."""
        now = tick * self._interval
        fault = self._fault if self._fault and now > self._fault.after else None
        weight = self._weights[self.step].astype(float)
        self._be_slow()
        drawn = self._draw(weight, now, fault)
        self._mine.push(drawn)
        away = bool((weight == 100).all())
        self._stable.push(None if away else self._draw(100 - weight, now, None))
        if fault:
            buckets = len(self._histogram.edges) - 1
            self._requests += drawn[:, :buckets].sum(axis=1)

        analysis = self._rollout.analysis
        self.seen = mine, stable = self._figures(self._mine), self._figures(self._stable)
        self._kept.renew(stable, self.alive & (weight < 100), analysis.min_samples)
        found = judge(analysis, mine, stable, self._kept)
        self.outcome.looks += int(self.alive.sum())
        failed = self.alive & found.fail.any(axis=1)
        for i in map(int, np.flatnonzero(failed)):
            evidence = check(analysis, mine, stable, self._kept, found, i)
            signal = JUDGED[int(found.fail[i].argmax())]
            self._roll_back(i, signal, int(weight[i]), now)
            text = next(e.message for e in evidence if e.signal == signal)
            self.outcome.example = self.outcome.example or text
            self.outcome.checked += 1
        self.alive &= ~failed
        if tick % CHECK_EVERY == 0 and self.alive.any():
            some = int(self._rng.choice(np.flatnonzero(self.alive)))
            check(analysis, mine, stable, self._kept, found, some)
            self.outcome.checked += 1
        self._go_on(np.asarray(found.blind.any(axis=1)))

    def _go_on(self, blind: Bools) -> None:
        passed = ~blind
        self.held += np.where(passed & ~self.blind, self._interval, 0.0)
        self.blind = blind
        over = passed & (self.held >= self._holds[self.step])
        last = self.step == len(self._holds) - 1
        self.outcome.promoted += int((self.alive & over & last).sum())
        self.alive &= ~(over & last)
        further = over & ~last
        self.step = self.step + further
        self.held = np.where(further, 0.0, self.held)

    def _roll_back(self, i: int, signal: str, weight: int, now: float) -> None:
        outcome = self.outcome
        outcome.failed[signal] = outcome.failed.get(signal, 0) + 1
        outcome.failed_at[weight] = outcome.failed_at.get(weight, 0) + 1
        if self._fault:
            outcome.requests.append(int(self._requests[i]))
            since = round((now - self._fault.after) / self._interval)
            outcome.evaluations.append(since)

    def _draw(self, weight: Floats, now: float, fault: Fault | None) -> Ints:
        """Draw one interval of a revision: counts by bucket, errors, successes by class."""
        regime, rng = self._regime, self._rng
        day = 2 * math.pi * (now + self._phase) / DAY_SECONDS
        expected = regime.rps * self._interval * weight / 100 * (1 + regime.swing * np.sin(day))
        slower = fault.slower if fault else 1.0
        chances = self._chances[slower][None, :]
        if regime.slow_minutes and self._slow.any():
            very = self._chances[slower * regime.slow_minutes.factor][None, :]
            chances = np.where(self._slow[:, None], very, chances)
        buckets = rng.poisson(expected[:, None] * chances)
        wrong = regime.errors if fault is None or fault.errors is None else fault.errors
        requests = buckets.sum(axis=1)
        errors = rng.binomial(requests, wrong)
        mix = self._base_mix
        if fault and fault.classes:
            mix = mix[list(fault.classes)]
        if regime.night is not None:
            night = np.array(regime.night) / sum(regime.night)
            share = ((1 - np.cos(day)) / 2)[:, None]
            mix = (1 - share) * mix + share * night
        classes = rng.multinomial(requests - errors, mix)
        return np.concatenate([buckets, errors[:, None], classes], axis=1)

    def _be_slow(self) -> None:
        """Slow minutes begin and end."""
        rule = self._regime.slow_minutes
        if rule is None:
            return
        ticks_a_day = DAY_SECONDS / self._interval
        u = self._rng.random(len(self._slow))
        begins = u < rule.per_day / ticks_a_day
        stays = u > self._interval / (rule.minutes * 60)
        self._slow = np.where(self._slow, stays, begins)
        if not rule.last_step:
            self._slow &= self._weights[self.step] < 100

    def _figures(self, window: Window) -> Figures:
        buckets = len(self._histogram.edges) - 1
        counts, edges = window.sums[:, :buckets], self._histogram.edges
        q = (self._rollout.analysis.latency or Latency()).quantile
        increase = window.increase()
        return Figures(
            success=increase[:, buckets + 1 :].sum(axis=1),
            error=increase[:, buckets],
            quantile=histogram_quantile(q, counts, edges),
            median=histogram_quantile(0.5, counts, edges),
            outer=histogram_quantile(outer_quantile(q), counts, edges),
            requests=window.sums[:, :buckets].sum(axis=1) * window.extrapolation,
            classes=increase[:, buckets + 1 :],
        )

    def _forget(self) -> None:
        """Drop the rollouts that have ended, so that they cost nothing."""
        rows = self.alive
        self._mine.keep(rows)
        self._stable.keep(rows)
        kept = self._kept
        self._kept = Kept(kept.latency[rows], kept.classes[rows], kept.samples[rows])
        self.step, self.held = self.step[rows], self.held[rows]
        self.blind, self._slow = self.blind[rows], self._slow[rows]
        self._phase, self._requests = self._phase[rows], self._requests[rows]
        self.alive = rows[rows]


def simulate(
    regime: Regime,
    rollouts: int,
    seed: int,
    fault: Fault | None = None,
    rollout: Rollout | None = None,
    limit: float | None = None,
    progress: Progress = lambda done: None,
) -> Outcome:
    """Return what becomes of so many rollouts; by default for all holds and a day more.

    Raises: RuntimeError where the vectorised rules differ from the operator's.
    """
    rollout = rollout or Rollout()
    whole = sum(seconds(step.hold) for step in rollout.steps) + SLACK_SECONDS
    return Rollouts(regime, fault, rollout, rollouts, seed).run(limit or whole, progress)
