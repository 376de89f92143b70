"""ONNX twins: a version's own `model.onnx` beside its model, held against what the original said.

The publisher's side is `transit_models.packing.twin`. The store has verified every byte before;
here it is shown that this ONNX Runtime, on this processor, says what the original said when it was
published.
"""

from dataclasses import replace

from transit_models import ModelStoreError
from transit_models.packing.twin import TOLERANCE, TWIN, TWIN_SCORES, read_twin_scores
from transit_server.formats.agreeing.outputs import Answers, answers
from transit_server.formats.base import (
    Engine,
    Gives,
    NotCompiled,
    Says,
    Source,
    first_line,
    largest_difference,
)


def has_twin(source: Source) -> bool:
    return source.path.name != TWIN and source.path.with_name(TWIN).is_file()


def load(source: Source) -> tuple[Engine, Answers]:
    """The twin of the model. Raises `NotCompiled` when it is not known to be equal."""
    from transit_server.formats.graphs import sessions

    path = source.path
    twin = path.with_name(TWIN)
    if not twin.with_name(TWIN_SCORES).is_file():
        raise NotCompiled(f"{TWIN} is not used: there is no {TWIN_SCORES} to hold it against")
    gives: Gives = "value" if source.task == "regression" else "probabilities"
    try:
        known = read_twin_scores(path.parent)
        engine = sessions.engine(twin, Says(gives=gives, dtype="float32"), source.threads)
        mapped = answers(engine, source.schema.outputs)
        said = mapped.predict(known.rows)
        if source.probes is not None:
            mapped.predict(source.probes)  # what the preprocessing gives now must fit, too
        wanted = Engine(lambda _: known.scores, "", engine.says)
        difference = largest_difference(
            answers(wanted, source.schema.outputs).predict(known.rows), said
        )
    except ModelStoreError as error:
        raise NotCompiled(f"{TWIN} is not used: {error}") from error
    except Exception as error:  # whatever ONNX Runtime says of a file that it can't run
        raise NotCompiled(f"{TWIN} is not used: {first_line(error)}") from error
    if difference > TOLERANCE:
        raise NotCompiled(f"{TWIN} is not used: it differs from {path.name} by {difference:.1e}")
    note = f"twin of {path.name}, largest difference {difference:.1e}"
    return replace(engine, note=note), mapped
