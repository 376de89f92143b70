"""`answers.npy`: what the author's own library says to the rows of `probe.npy`.

To be run where the model was trained. The file stands alone: it needs NumPy and the model's own
library, so it can be copied into an old environment and run there:

    python answers.py model.pkl probe.npy --output answers.npy

Whoever serves the version asks its model for the same rows and refuses it if the answers differ.
Neighbours: the server's `formats.agreeing.proof` reads the file; `commands.ask` has it as
`transit-models answers`.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

ANSWERS = "answers.npy"


def answers_of(model: Any, rows: Any, classes: Any = None) -> Any:
    """What `model` says to `rows`: probabilities, as a field for each class where classes have
    names; else what `predict` gives; of an outlier detection, the flag and the score.
    """
    if hasattr(model, "predict_proba"):
        said = np.asarray(model.predict_proba(rows))
        classes = getattr(model, "classes_", None) if classes is None else classes
        return _named(said, classes)
    said = np.asarray(model.predict(rows))
    if said.dtype == object:
        said = said.astype(str)
    if hasattr(model, "decision_function") and hasattr(model, "offset_"):
        return np.stack((said, np.asarray(model.decision_function(rows))), axis=1)
    return said


def _named(said: Any, classes: Any) -> Any:
    if classes is None or said.ndim != 2 or len(classes) != said.shape[1]:
        return said
    names = [str(item) for item in np.asarray(classes).tolist()]
    if all(name.lstrip("-").isdigit() for name in names):
        return said
    made = np.zeros(len(said), [(name, said.dtype) for name in names])
    for place, name in enumerate(names):
        made[name] = said[:, place]
    return made


def write_answers(
    model_file: Path, probe: Path, output: Path, preprocessing: Any = (), first: Any = None
) -> Any:
    """Open `model_file` with its own library, ask it, and write `output`; returns the array.

    `first` limits it to so many rows.
    """
    rows = np.load(probe, allow_pickle=False)[:first]
    for step in preprocessing:
        rows = _pickle(step).transform(_as_trained(rows))
        rows = rows.toarray() if hasattr(rows, "toarray") else rows
    said = _opened(model_file)(rows)
    np.save(output, said, allow_pickle=False)
    return said


# What CatBoost's own regressors answer by default.
_CATBOOST_KINDS = {
    "Poisson": "Exponent",
    "Tweedie": "Exponent",
    "RMSEWithUncertainty": "RMSEWithUncertainty",
}


def _opened(path: Path) -> Any:
    """From rows to answers."""
    ending = path.suffix
    if ending in (".json", ".ubj", ".bst", ".model"):
        return _boosted(path)
    if ending in (".keras", ".h5"):
        return _network(path)
    if ending == ".txt":
        import lightgbm

        return lightgbm.Booster(model_file=str(path)).predict
    if ending == ".cbm":
        import catboost

        model = catboost.CatBoost().load_model(str(path))
        classes = list(model.classes_)
        loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
        kind = "Probability" if classes else _CATBOOST_KINDS.get(loss, "RawFormulaVal")
        return lambda rows: _named(
            np.asarray(model.predict(_objects(rows), prediction_type=kind)), classes or None
        )
    model = _of_skops(path) if ending == ".skops" else _pickle(path)
    return lambda rows: answers_of(model, _as_trained(rows))


def _network(path: Path) -> Any:
    from tensorflow import keras

    network = keras.models.load_model(str(path), compile=False)
    inputs = network.inputs

    def ask(rows: Any) -> Any:
        if rows.dtype.names is None:
            given = _tensor(rows, inputs[0])
        elif isinstance(network.input, dict):
            given = {key: _tensor(rows[item.name], item) for key, item in network.input.items()}
        else:
            given = [_tensor(rows[item.name], item) for item in inputs]
        said = network.predict(given, verbose=0)
        if isinstance(said, dict):
            said = [said[name] for name in network.output]
        if not isinstance(said, list):
            return np.asarray(said)
        return np.concatenate([np.asarray(part).reshape(len(rows), -1) for part in said], axis=1)

    return ask


def _tensor(values: Any, item: Any) -> Any:
    """In the input's own shape; texts are none to Keras before they are TensorFlow's."""
    if values.ndim != len(item.shape):
        values = values.reshape(len(values), *(length or -1 for length in item.shape[1:]))
    if values.dtype.kind not in "OUS":
        return values
    import tensorflow

    return tensorflow.constant(values.astype(object), tensorflow.string)


def _boosted(path: Path) -> Any:
    import xgboost

    booster = xgboost.Booster(model_file=str(path))
    best = booster.attr("best_iteration")
    upto = (0, int(best) + 1) if best is not None else (0, 0)
    names = booster.feature_names

    def ask(rows: Any) -> Any:
        return booster.predict(xgboost.DMatrix(rows, feature_names=names), iteration_range=upto)

    return ask


def _of_skops(path: Path) -> Any:
    import skops.io

    return skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))


def _pickle(path: Path) -> Any:
    try:
        import joblib

        return joblib.load(path)
    except ImportError:
        import pickle

        with open(path, "rb") as file:
            return pickle.load(file)  # noqa: S301 - the author's own file


def _as_trained(rows: Any) -> Any:
    """Columns by name become a frame, as they were when the model was trained."""
    if rows.dtype.names is None:
        return rows
    import pandas

    return pandas.DataFrame({name: _column(rows[name]) for name in rows.dtype.names})


def _column(values: Any) -> Any:
    return values.astype(object) if values.dtype.kind in "US" else values


def _objects(rows: Any) -> Any:
    if rows.dtype.names is None:
        return rows
    return np.stack([rows[name].astype(object) for name in rows.dtype.names], axis=1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command, here and in `transit-models answers`."""
    parser.add_argument("model", type=Path, help="the model file, as its library saved it")
    parser.add_argument("probe", type=Path, help="typical rows (.npy), the same as pack's --probe")
    parser.add_argument("--output", type=Path, default=Path(ANSWERS), metavar="FILE")
    parser.add_argument(
        "--preprocessing", type=Path, action="append", default=[], help="steps before it, in order"
    )
    parser.add_argument("--first", type=int, metavar="N", help="only the first N rows")


def run(options: argparse.Namespace) -> int:
    """The command; returns its exit code."""
    said = write_answers(
        options.model, options.probe, options.output, options.preprocessing, options.first
    )
    print(f"{options.output}: answers written: {len(said)}")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="What a model says to its probe rows, as answers.npy"
    )
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
