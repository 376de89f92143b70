"""Which format a model's file is of, by its ending: what is opened, and by which library.

Not the framework, which says who trained it: scikit-learn's models are pickles or skops files, and
any may be ONNX. Neighbours: `first_bytes` tells whether a file is what its ending says; the server
picks a loader by the format, and an administrator allows formats by these names.
"""

from pathlib import Path
from typing import Literal

FileFormat = Literal["onnx", "skops", "xgboost", "lightgbm", "catboost", "keras", "pickle"]

PREPROCESSING_FORMAT: FileFormat = "pickle"
OF_ENDING: dict[str, FileFormat] = {
    ".keras": "keras",
    ".h5": "keras",
    ".json": "xgboost",
    ".ubj": "xgboost",
    ".bst": "xgboost",
    ".pkl": "pickle",
    ".joblib": "pickle",
    ".sav": "pickle",
    ".pickle": "pickle",
    ".skops": "skops",
    ".onnx": "onnx",
    ".txt": "lightgbm",
    ".cbm": "catboost",
}
IN_WORDS: dict[FileFormat, str] = {
    "onnx": "an ONNX model",
    "skops": "a skops file",
    "xgboost": "an XGBoost model",
    "lightgbm": "a LightGBM model",
    "catboost": "a CatBoost model",
    "keras": "a Keras model",
    "pickle": "a pickle",
}


def format_of(path: Path) -> FileFormat | None:
    """By its ending; None where that says nothing."""
    return OF_ENDING.get(path.suffix)
