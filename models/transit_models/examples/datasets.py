"""The sets of curves that the examples learn from and are scored on.

Neighbours: `curves` simulates them; the recipes ask for them; each is made once per process.
"""

from functools import cache

from transit_models.examples.curves import Floats, Labels, sample_light_curves

# Nearer to equal shares than traffic is, so that the rare classes are learnt too.
TRAINING_MIX = (0.30, 0.25, 0.45)
TEST_ROWS = 2000
_TEST_SEED = 9_000


@cache
def training_set(rows: int, seed: int, gaps: bool = True) -> tuple[Floats, Labels]:
    """`rows` curves to learn from; without `gaps`, only clean ones, as a careful author picks."""
    if gaps:
        return sample_light_curves(rows, seed, TRAINING_MIX)
    return sample_light_curves(rows, seed, TRAINING_MIX, gap_share=0.0)


@cache
def held_out_set(gaps: bool = True) -> tuple[Floats, Labels]:
    """Curves that no model has learnt from, in the mix of traffic."""
    if gaps:
        return sample_light_curves(TEST_ROWS, _TEST_SEED)
    return sample_light_curves(TEST_ROWS, _TEST_SEED, gap_share=0.0)
