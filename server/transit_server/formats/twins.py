"""ONNX twins: a version's own `model.onnx` beside its model, held against what the original said.

The publisher's side is `transit_models.twin`. The store has verified every byte before; here it is
shown that this ONNX Runtime, on this processor, says what the original said when it was published.
"""

from pathlib import Path

from transit_models import ModelStoreError
from transit_models.twin import TOLERANCE, TWIN, TWIN_SCORES, read_twin_scores
from transit_server.formats.base import (
    Engine,
    ModelShape,
    NotCompiled,
    as_class_scores,
    largest_difference,
)


def twin_of(path: Path) -> Path | None:
    """The twin of the model in `path`, if its version has one."""
    twin = path.with_name(TWIN)
    return twin if path.name != TWIN and twin.is_file() else None


def load(path: Path, shape: ModelShape) -> Engine:
    """The twin of `path`. Raises `NotCompiled` when it is not known to be equal."""
    from transit_server.formats import onnx

    twin = path.with_name(TWIN)
    if not twin.with_name(TWIN_SCORES).is_file():
        raise NotCompiled(f"{TWIN} is not used: there is no {TWIN_SCORES} to hold it against")
    try:
        known = read_twin_scores(path.parent)
        score = onnx.session(twin.read_bytes(), len(shape.labels))
        said = score(known.rows)
        score(shape.probes)  # what the preprocessing gives now must fit, too
    except ModelStoreError as error:
        raise NotCompiled(f"{TWIN} is not used: {error}") from error
    except Exception as error:  # whatever ONNX Runtime says of a file that it can't run
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise NotCompiled(f"{TWIN} is not used: {lines[0][:200]}") from error
    difference = largest_difference(as_class_scores(known.scores), said)
    if difference > TOLERANCE:
        raise NotCompiled(f"{TWIN} is not used: it differs from {path.name} by {difference:.1e}")
    return Engine(score, "onnxruntime", f"twin of {path.name}, largest difference {difference:.1e}")
