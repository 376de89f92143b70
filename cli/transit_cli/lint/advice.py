"""What is allowed and yet unwise: advice that saves days. From the spec alone, and from traffic.

Each piece of advice is one small function over a spec that has its defaults; `ADVICE` is the list.
What is known of the traffic (requests a second, errors that are normal, the scrape's interval)
comes from a cluster, or from the command line. Neighbour: `gateways` looks at Gateways.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..rollout.explaining.chance import at_least
from ..rollout.status.signals import counted, percent
from ..rollout.status.times import human, seconds
from .finding import Path

Spec = dict[str, Any]
Advice = Iterator[tuple[Path, str]]
ROLLOUT: Path = ("spec", "rollout")
ANALYSIS: Path = (*ROLLOUT, "analysis")
SIGNALS = ("errorRate", "latency", "drift", "invalid", "traffic", "health", "accuracy")
_ANSWERS_ABOVE = 5  # of a quantile: fewer say little
_FALSE_ALARM = 0.05  # of windows in which a normal version would be over its bound


@dataclass(frozen=True)
class Known:
    """What is known of the traffic; None: nothing."""

    rate: float | None = None  # requests a second, of the whole
    error_rate: float | None = None  # that is normal
    scrape_seconds: float | None = None


def advice(spec: Spec, known: Known) -> Advice:
    """Yield all advice, in the order in which it matters."""
    for one in ADVICE:
        yield from one(spec, known)


def share_of(spec: Spec, weight: int) -> float:
    """Return the share of the requests that a step really gives."""
    if (spec.get("traffic") or {}).get("router") == "gateway" or weight >= 100:
        return weight / 100
    full = pods_of(spec)
    mine = min(full, max(1, round(full * weight / (100 - weight)))) if weight else 0
    return mine / (full + mine)


def pods_of(spec: Spec) -> int:
    """Return how many pods carry all traffic."""
    autoscaling = spec.get("autoscaling")
    return int(autoscaling["min"]) if autoscaling else int(spec.get("replicas") or 1)


def _never_enough(spec: Spec, known: Known) -> Advice:
    if known.rate is None:
        return
    analysis = _analysis(spec)
    window, least = analysis["window"], analysis["minSamples"]
    for number, step in enumerate(_steps(spec)):
        share = share_of(spec, step["weight"])
        samples = known.rate * share * seconds(window)
        if step["weight"] and samples < least:
            enough = human(least / (known.rate * share)) if known.rate > 0 else "no window"
            policy = analysis.get("noData", {}).get("policy", "Hold")
            then = "waits for ever" if policy == "Hold" else "is rolled back for lack of data"
            yield (
                (*ROLLOUT, "steps", number, "weight"),
                f"at {known.rate:.2g} requests/s `minSamples: {least}` in {window} is never reached"
                f" at {step['weight']} %: about {math.floor(samples)} come, and the rollout {then}."
                f" window: {enough}, minSamples: {max(1, math.floor(samples))} or a larger first"
                " step would do",
            )
            return  # the later steps are better off


def _no_room(spec: Spec, known: Known) -> Advice:
    rule = _analysis(spec).get("errorRate")
    if known.error_rate is None or not _judged(rule) or rule is None:
        return
    bound, least = rule["max"], _analysis(spec)["minSamples"]
    over = at_least(math.floor(bound * least) + 1, least, known.error_rate)
    if known.error_rate < bound and over < _FALSE_ALARM:
        return
    what = "is above" if known.error_rate >= bound else "leaves no room below"
    often = f"{over:.0%}".replace("%", " %")
    yield (
        (*ANALYSIS, "errorRate", "max"),
        f"the normal error rate of {percent(known.error_rate)} {what} {percent(bound)}: of {least}"
        f" predictions as good as now, {often} of the windows are over it",
    )


def _short_window(spec: Spec, known: Known) -> Advice:
    window = _analysis(spec)["window"]
    if known.scrape_seconds is not None:
        if seconds(window) < 2 * known.scrape_seconds:
            yield (
                (*ANALYSIS, "window"),
                f"window {window} is shorter than two scrapes ({human(known.scrape_seconds)} each):"
                " there is never any data",
            )
    elif seconds(window) < 30:
        yield (
            (*ANALYSIS, "window"),
            f"window {window} must hold two scrapes: Prometheus scrapes every minute unless told"
            " otherwise (--scrape-interval, or a cluster to ask)",
        )


def _rare_quantile(spec: Spec, known: Known) -> Advice:
    analysis = _analysis(spec)
    rule, least = analysis.get("latency"), analysis["minSamples"]
    if not _judged(rule) or rule is None:
        return
    above = (1 - rule["quantile"]) * least
    if above < _ANSWERS_ABOVE - 1e-9:
        yield (
            (*ANALYSIS, "latency", "quantile"),
            f"p{rule['quantile'] * 100:g} of {least} samples rests on the slowest"
            f" {max(1, round(above))}: minSamples of"
            f" {math.ceil(_ANSWERS_ABOVE / (1 - rule['quantile']) - 1e-9)} or more make it steady",
        )


def _step_within_the_window(spec: Spec, known: Known) -> Advice:
    window = _analysis(spec)["window"]
    for number, step in enumerate(_steps(spec)):
        if step["weight"] and seconds(step["hold"]) < seconds(window):
            yield (
                (*ROLLOUT, "steps", number, "hold"),
                f"hold {step['hold']} is shorter than the window {window}: most of what is judged"
                " at this step was measured before it",
            )
            return


def _coarse_weights(spec: Spec, known: Known) -> Advice:
    if (spec.get("traffic") or {}).get("router") != "replicas":
        return
    for number, step in enumerate(_steps(spec)):
        share = round(100 * share_of(spec, step["weight"]))
        if 0 < step["weight"] < 100 and share >= 2 * step["weight"]:
            pods = pods_of(spec)
            yield (
                (*ROLLOUT, "steps", number, "weight"),
                f"router replicas with {counted(pods, 'pod')} gives {share} % in place"
                f" of {step['weight']} %: more replicas, or router gateway, give less",
            )
            return


def _nothing_judges(spec: Spec, known: Known) -> Advice:
    analysis = _analysis(spec)
    judged = [s for s in SIGNALS if s != "health" and _judged(analysis.get(s))]
    judged += [m["name"] for m in analysis.get("custom") or [] if _judged(m)]
    if not judged:
        yield ANALYSIS, "nothing but the pods' health turns a bad version back: every signal is off"


def _blind_query(spec: Spec, known: Known) -> Advice:
    for number, metric in enumerate(_analysis(spec).get("custom") or []):
        if "{{candidate}}" not in metric["query"] and _judged(metric):
            yield (
                (*ANALYSIS, "custom", number, "query"),
                f"{metric['name']} does not name {{{{candidate}}}}: it judges all revisions"
                " together, and at 10 % a bad one hardly moves it",
            )


def _every_host(spec: Spec, known: Known) -> Advice:
    traffic = spec.get("traffic") or {}
    gateway = traffic.get("gateway") or {}
    if traffic.get("router") == "gateway" and not gateway.get("hostnames"):
        yield (
            ("spec", "traffic", "gateway", "hostnames"),
            "without hostnames it takes every host of the Gateway's listeners; a second"
            " ModelDeployment there gets nothing",
        )


ADVICE: tuple[Callable[[Spec, Known], Advice], ...] = (
    _never_enough,
    _no_room,
    _short_window,
    _rare_quantile,
    _step_within_the_window,
    _coarse_weights,
    _nothing_judges,
    _blind_query,
    _every_host,
)


def _analysis(spec: Spec) -> Spec:
    found: Spec = spec["rollout"]["analysis"]
    return found


def _steps(spec: Spec) -> list[Spec]:
    found: list[Spec] = spec["rollout"]["steps"]
    return found


def _judged(rule: Spec | None) -> bool:
    return rule is not None and rule.get("mode") != "Off"
