"""The model formats: from a version's folder to a model that answers in its labels.

`whole.load` is the one order there is, and its rooms are read in that order:

- `allowed` refuses what an administrator forbids, before anything is opened.
- `describing` finds out what a model takes and answers where its version doesn't say it.
- `preparation` opens the preprocessing that a version brings.
- `opening` finds the library of a file; `libraries` has one short file for each, which gives an
  `Engine` that says in the model's own words what it takes and which classes it knows (`base`).
  What the larger ones are made of: `estimators` of scikit-learn, `networks` of Keras, `graphs` of
  ONNX.
- `compile` makes ONNX of an engine where that is equal and faster.
- `agreeing` holds what an engine says against the version's metadata and its author's answers.

A new format is one file in `libraries` with `load(source) -> Engine`, and the lines that know it by
name; docs/reference/new-format.md goes through them. A library is imported only when a model of its
format is served, so that nobody pays for TensorFlow who serves trees.
"""

from transit_server.formats.base import Engine, NotCompiled, Source, UnsupportedModel
from transit_server.formats.describing import described
from transit_server.formats.whole import Loaded, load

__all__ = ["Engine", "Loaded", "NotCompiled", "Source", "UnsupportedModel", "described", "load"]
