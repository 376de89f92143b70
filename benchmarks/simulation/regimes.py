"""The traffic that is simulated, and what is wrong with a candidate that should be caught.

Everything in a regime is true of both revisions, so every rollback in it is a false one. Signals
are judged apart, so that one regime can be hard on all of them at once.
"""

from dataclasses import replace

from .traffic import Fault, Regime, Shape, SlowMinutes, lognormal, two_modes

THREE = (0.60, 0.25, 0.15)
TEN = (0.30, 0.20, 0.15, 0.10, 0.08, 0.06, 0.05, 0.03, 0.02, 0.01)
ONE_RARE = (0.899, 0.10, 0.001)

# name → rps on average, and how far it swings by day
LOADS: dict[str, tuple[float, float]] = {
    "4 rps": (4.0, 0.0),
    "10 rps": (10.0, 0.0),
    "100 rps": (100.0, 0.0),
    "0.5 to 9.5 rps by day": (5.0, 0.9),
}

SERVICES = (
    Regime("mild", 0, errors=0.005, shape=lognormal(0.6), classes=THREE),
    Regime("wide", 0, errors=0.01, shape=lognormal(1.0), classes=TEN),
    Regime("two speeds", 0, errors=0.0, shape=two_modes(0.01), classes=ONE_RARE),
    Regime(
        "rough",
        0,
        errors=0.02,
        shape=two_modes(0.02),
        classes=TEN,
        night=(0.22, 0.17, 0.15, 0.12, 0.10, 0.08, 0.07, 0.04, 0.03, 0.02),
    ),
)

THREE_MODELS = Shape(((0.4, 0.002, 0.3), (0.4, 0.010, 0.3), (0.2, 0.040, 0.3)))
SLOW_BEFORE = SlowMinutes(factor=4, per_day=48, minutes=3, last_step=False)

# Other services with 10 rps that should be no problem.
OTHERS = (
    Regime("latency sigma 0.3", 10, shape=lognormal(0.3)),
    Regime("three models of 2, 10 and 40 ms", 10, shape=THREE_MODELS),
    Regime("10 % take 10x as long", 10, shape=two_modes(0.10)),
    Regime("4x slower minutes, both, below 100 %", 10, slow_minutes=SLOW_BEFORE),
)

# What the rules can't tell from a worse version; 10 rps where not said otherwise.
LIMITS = (
    Regime("3 % errors", 10, errors=0.03),
    Regime("4 % errors", 10, errors=0.04),
    Regime("3 % take 10x as long", 10, shape=two_modes(0.03)),
    Regime("4 % take 10x as long", 10, shape=two_modes(0.04)),
    Regime("5 % take 10x as long", 10, shape=two_modes(0.05)),
    Regime("4 % take 10x as long, 100 rps", 100, shape=two_modes(0.04)),
    Regime("3x slower, 1 min, 4 a day", 10, slow_minutes=SlowMinutes(3, 4, 1)),
    Regime("3x slower, 5 min, 1 a day", 10, slow_minutes=SlowMinutes(3, 1, 5)),
    Regime("classes by day 60/25/15 to 40/35/25", 10, night=(0.40, 0.35, 0.25)),
    Regime("classes by day 60/25/15 to 20/30/50", 10, night=(0.20, 0.30, 0.50)),
    Regime("1 rps, 1 % errors, ten classes", 1, errors=0.01, classes=TEN),
    Regime("0.2 rps, 1 % errors, ten classes", 0.2, errors=0.01, classes=TEN),
)

FAULTS = (
    Fault("every request fails", errors=1.0),
    Fault("10 % errors", errors=0.10),
    Fault("3x latency", slower=3.0),
    Fault("label flip", classes=(2, 1, 0)),
)
DETECTED_IN = (
    Regime("4 rps, mild", 4),
    Regime("10 rps, mild", 10),
    Regime("10 rps, latency sigma 1", 10, shape=lognormal(1.0)),
    Regime("100 rps, mild", 100),
)


def good_versions() -> list[Regime]:
    """Return every service under every load, named "service, load"."""
    return [
        replace(service, name=f"{service.name}, {load}", rps=rps, swing=swing)
        for service in SERVICES
        for load, (rps, swing) in LOADS.items()
    ]
