"""Makes ONNX of a loaded model, whatever its format, where that is equal and faster.

A decorator over any engine: `compile_in_child` loads the original in a process of its own and asks
the format's converter (`estimators`, `boosted`, `networks`; `trees` builds what trees become) for
ONNX; `check` holds it against the original on rows that the model can tell apart. `twin` is ONNX
that the publisher made.
"""
