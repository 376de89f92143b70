"""The model formats, one file each; `load` picks by the file's ending and gives a whole version
that answers in its labels.

A format loads a version and returns an `Engine` that says in the model's own words what it takes
and which classes it knows (`base`). `inputs` and `outputs` hold that against the metadata, `door`
and `preparation` stand before the model, `compile` makes ONNX of it where that is equal, `proof`
asks it what its author's library answered. A format's module is imported only when a model of that
format is served, so that nobody pays for TensorFlow who serves trees.
"""

from transit_server.formats.base import Engine, NotCompiled, Source, UnsupportedModel
from transit_server.formats.whole import Loaded, load

__all__ = ["Engine", "Loaded", "NotCompiled", "Source", "UnsupportedModel", "load"]
