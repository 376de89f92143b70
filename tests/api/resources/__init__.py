"""Specs that are wrong, with what is said of them, and specs that only look so.

Each file has the tables of one part of a spec; here they are one. Neighbours: `test_validation`
applies them to a real API server; `tests/unit/cli/test_lint` holds the same tables against
`transit lint`, which must say the same without one.
"""

from . import models, pods, rollouts, servers, traffic
from .parts import Right, Wrong

_ALL = (models, rollouts, traffic, servers, pods)

WRONG: Wrong = {name: case for part in _ALL for name, case in part.WRONG.items()}
# What looks odd, but is right: a rule that is too strict is as wrong as one that is missing.
RIGHT: Right = {name: spec for part in _ALL for name, spec in part.RIGHT.items()}
assert len(WRONG) == sum(len(part.WRONG) for part in _ALL), "each has a name of its own"
