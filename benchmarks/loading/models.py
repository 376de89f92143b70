"""What is loaded: the examples, and for each library a model of the kind that people have most.

Packed as a user would, with this tree's own `transit_models`. The metadata are plain, so that older
servers read them; a library that an older one doesn't know is refused there, and that is told.

`python -m benchmarks.loading.models FOLDER NAME…` makes `FOLDER/store`: in a process of its own,
since what is as large as these libraries counts as the largest size of all that it starts.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from transit_models.packing.model_file import framework_of
from transit_models.packing.pack import Description, pack

VERSION = "1.0.0"
_ROWS, _FEATURES = 2000, 20
_CLASSES = ("low", "mid", "top")
_RANDOM = np.random.default_rng(16)
_X = _RANDOM.normal(size=(_ROWS, _FEATURES)).astype(np.float32)
_Y = np.clip(np.rint(_X[:, 0] + _X[:, 1] * _X[:, 2] + 1), 0, 2).astype(int)


@dataclass(frozen=True, slots=True)
class Made:
    """A library's own model: `save` writes `name` + `ending`."""

    name: str
    ending: str
    save: Callable[[Path], object]
    shape: Sequence[int] = ()


def stored(folder: Path, wanted: Sequence[str]) -> None:
    """A store in `folder` with the `wanted` of `NAMES`."""
    store = folder / "store"
    for name in wanted:
        made = _MAKERS[name](name)
        path = folder / f"{name}{made.ending}"
        made.save(path)
        np.save(folder / "probe.npy", _X[:32])
        described = Description(
            name, VERSION, framework_of(path), _FEATURES, _CLASSES,
            shape=(1, *made.shape) if made.shape else (), dtype="float32",
        )  # fmt: skip
        pack(path, store, described, probe=folder / "probe.npy")


def _pickled(model: Any) -> Callable[[Path], object]:
    import joblib

    model.fit(_X, np.array(_CLASSES)[_Y])
    return lambda path: joblib.dump(model, path)


def _forest(name: str) -> Made:
    from sklearn.ensemble import RandomForestClassifier

    return Made(name, ".pkl", _pickled(RandomForestClassifier(100, random_state=0)))


def _pipeline(name: str) -> Made:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return Made(name, ".pkl", _pickled(make_pipeline(StandardScaler(), LogisticRegression())))


def _histogram(name: str) -> Made:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return Made(name, ".pkl", _pickled(HistGradientBoostingClassifier(max_iter=50)))


def _neighbours(name: str) -> Made:
    """What can't be compiled: the original serves."""
    from sklearn.neighbors import KNeighborsClassifier

    return Made(name, ".pkl", _pickled(KNeighborsClassifier()))


def _boosted(name: str) -> Made:
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=100, max_depth=6).fit(_X, _Y)
    return Made(name, ".json", model.save_model)


def _onnx(name: str) -> Made:
    import skl2onnx
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((64,), max_iter=30, random_state=0).fit(_X, _Y)
    proto = skl2onnx.to_onnx(model, _X[:1], options={"zipmap": False}, target_opset=17)
    return Made(name, ".onnx", lambda path: path.write_bytes(proto.SerializeToString()))


def _keras(ending: str) -> Callable[[str], Made]:
    def made(name: str) -> Made:
        from tensorflow import keras

        layers = [
            keras.layers.Input((_FEATURES, 1)),
            keras.layers.Conv1D(16, 3, activation="relu"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(len(_CLASSES), activation="softmax"),
        ]
        return Made(name, ending, keras.Sequential(layers).save, (_FEATURES, 1))

    return made


def _lightgbm(name: str) -> Made:
    import lightgbm

    model = lightgbm.LGBMClassifier(n_estimators=100, verbose=-1).fit(_X, _Y)
    return Made(name, ".txt", model.booster_.save_model)


def _catboost(name: str) -> Made:
    import catboost

    model = catboost.CatBoostClassifier(iterations=100, verbose=0, allow_writing_files=False)
    model.fit(_X, np.array(_CLASSES)[_Y])
    return Made(name, ".cbm", lambda path: model.save_model(str(path)))


_MAKERS: dict[str, Callable[[str], Made]] = {
    "sklearn-forest": _forest,
    "sklearn-pipeline": _pipeline,
    "sklearn-histogram": _histogram,
    "sklearn-neighbours": _neighbours,
    "xgboost-json": _boosted,
    "onnx": _onnx,
    "keras": _keras(".keras"),
    "keras-h5": _keras(".h5"),
    "lightgbm": _lightgbm,
    "catboost": _catboost,
}
NAMES = tuple(_MAKERS)


if __name__ == "__main__":
    stored(Path(sys.argv[1]), sys.argv[2:])
