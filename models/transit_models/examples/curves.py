"""Light curves, simulated: what a telescope would see of a planet, of a doubtful one, of an
impostor.

Each curve is 784 brightnesses over one orbit, folded so that the dip is in the middle, divided by
the star's median, so that they lie around 1.0. About a third have a gap (the spacecraft turned to
Earth), recorded as 0.0, as archives do.

    0 CONFIRMED       a planet's transit: clear, U-shaped
    1 CANDIDATE       a transit so shallow that noise nearly hides it
    2 FALSE_POSITIVE  two stars eclipsing each other (deep or V-shaped, often with a second dip),
                      a star that only varies, or nothing at all

Neighbours: `training` learns from them; demo traffic and the server's tests send them. Needs NumPy
and batman-package, and nothing heavier.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LABELS = ("CONFIRMED", "CANDIDATE", "FALSE_POSITIVE")
CONFIRMED, CANDIDATE, FALSE_POSITIVE = range(3)
FEATURES = 784

# The mix of classes in traffic, as lopsided as in the real catalogue: most signals are impostors.
TRAFFIC_MIX = (0.18, 0.10, 0.72)
GAP_SHARE = 0.35

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

_PHASE = np.linspace(-0.5, 0.5, FEATURES)


def sample_light_curves(
    n: int, seed: int, mix: Sequence[float] = TRAFFIC_MIX, gap_share: float = GAP_SHARE
) -> tuple[Floats, Labels]:
    """`n` curves, float32 (n, 784), and their true classes, int64 (n,). The same for the same
    arguments.

    `mix` is the share of each class; `gap_share` the share of curves with a gap of zeros.
    Takes about 0.2 ms a curve. Raises `ValueError` for a mix that is no three shares.
    """
    shares = np.asarray(mix, dtype=np.float64)
    if shares.shape != (len(LABELS),) or (shares < 0).any() or shares.sum() <= 0:
        raise ValueError(f"mix must be {len(LABELS)} shares, one for each of {', '.join(LABELS)}")
    random = np.random.default_rng(seed)
    labels = random.choice(len(LABELS), size=n, p=shares / shares.sum())
    curves = np.empty((n, FEATURES), dtype=np.float32)
    for row, label in enumerate(labels):
        curves[row] = _observe(_shape_of(int(label), random), random, gap_share)
    return curves, labels.astype(np.int64)


def _shape_of(label: int, random: np.random.Generator) -> NDArray[np.float64]:
    """A noiseless curve of the class."""
    if label == CONFIRMED:
        return _transit(random, radius=random.uniform(0.045, 0.13), impact=random.uniform(0.0, 0.7))
    if label == CANDIDATE:
        return _transit(
            random, radius=random.uniform(0.022, 0.052), impact=random.uniform(0.0, 0.85)
        )
    kind = random.random()
    if kind < 0.70:
        return _eclipses(random)
    return _variable_star(random, quiet=kind > 0.88)


def _transit(
    random: np.random.Generator, radius: float, impact: float, phase: float | None = None
) -> NDArray[np.float64]:
    """A body of `radius` (in stellar radii) crossing at `impact` (0: the middle, 1: the edge)."""
    import batman

    distance = random.uniform(2.5, 7.0)
    orbit = batman.TransitParams()
    orbit.t0 = random.normal(0.0, 0.004) if phase is None else phase
    orbit.per = 1.0
    orbit.rp = radius
    orbit.a = distance
    orbit.inc = float(np.degrees(np.arccos(min(impact / distance, 1.0))))
    orbit.ecc = 0.0
    orbit.w = 90.0
    orbit.u = [random.uniform(0.2, 0.5), random.uniform(0.1, 0.3)]
    orbit.limb_dark = "quadratic"
    curve: NDArray[Any] = batman.TransitModel(orbit, _PHASE).light_curve(orbit)
    return curve


def _eclipses(random: np.random.Generator) -> NDArray[np.float64]:
    """Two stars: a grazing, V-shaped dip, mostly with a second one half an orbit later, in the
    light of a third star that makes both shallower.
    """
    radius = random.uniform(0.15, 0.5)
    dip = 1.0 - _transit(random, radius, impact=random.uniform(0.8, 0.8 + radius))
    diluted = random.uniform(0.12, 0.9)
    second = np.roll(dip, FEATURES // 2) * random.uniform(0.1, 0.8)
    return np.asarray(1.0 - diluted * (dip + second))


def _variable_star(random: np.random.Generator, quiet: bool) -> NDArray[np.float64]:
    """Spots that turn with the star; `quiet`: hardly any."""
    amplitude = random.uniform(0.0, 0.0003) if quiet else random.uniform(0.001, 0.008)
    turns = random.integers(1, 4)
    wave = np.sin(2 * np.pi * (turns * _PHASE + random.random()))
    return np.asarray(1.0 + amplitude * wave)


def _observe(
    curve: NDArray[np.float64], random: np.random.Generator, gap_share: float
) -> NDArray[np.float64]:
    """What arrives: photon noise (faint stars more), slow drift of the instrument, outliers, a
    gap.
    """
    noise = np.exp(random.uniform(np.log(0.0004), np.log(0.0022)))
    seen = curve + random.normal(0.0, noise, FEATURES)
    seen += random.normal(0.0, 0.0005) * _PHASE + random.normal(0.0, 0.001) * _PHASE**2
    hits = random.random(FEATURES) < 0.002
    seen[hits] += random.exponential(5 * noise, int(hits.sum()))
    seen /= np.median(seen)
    if random.random() < gap_share:
        length = int(random.integers(8, 40))
        start = int(random.integers(0, FEATURES - length))
        seen[start : start + length] = 0.0
    return seen
