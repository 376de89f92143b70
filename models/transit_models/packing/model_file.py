"""The file that somebody trained: which framework wrote it, and how it lies in a version.

An ending that says nothing (`.model`, `.bst`, `.dat`, none) goes by the first bytes. Neighbours:
`pack` lays versions out with it; `old_xgboost` converts what XGBoost itself no longer reads.
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

from transit_models.errors import IntegrityError, InvalidMetadata, InvalidReference
from transit_models.file_formats import OF_ENDING, FileFormat
from transit_models.first_bytes import format_of_bytes, refuse_other
from transit_models.integrity import check_relative
from transit_models.metadata import MODEL_ENDINGS, Framework
from transit_models.packing.old_xgboost import converted, is_old_binary

_FRAMEWORKS: dict[str, Framework] = {
    ending: framework
    for framework, endings in MODEL_ENDINGS.items()
    for ending in endings
    if ending != ".onnx" or framework == "onnx"
}
_ALSO = {".hdf5": ".h5"}
_VAGUE = ".bst"  # other libraries' models have this ending too
_ENDINGS: dict[FileFormat, str] = {
    "onnx": ".onnx",
    "skops": ".skops",
    "xgboost": ".ubj",
    "lightgbm": ".txt",
    "catboost": ".cbm",
    "keras": ".keras",
    "pickle": ".pkl",
}
_OF_XGBOOST = (".bst", ".model")


def framework_of(model_file: Path) -> Framework:
    """The framework that wrote the file. Raises `InvalidReference` where that can't be told."""
    if (model_file / "saved_model.pb").is_file():
        raise InvalidReference(
            f"{model_file} is a SavedModel, which is not served: save the model itself "
            "(model.save('model.keras')), or convert the folder: "
            f"python -m tf2onnx.convert --saved-model {model_file} --output model.onnx"
        )
    if model_file.is_dir() and not (model_file / "MLmodel").is_file():
        raise InvalidReference(
            f"{model_file} is a folder, and only MLflow's (with MLmodel in it) is a model: name "
            "the model's file"
        )
    if (model_file / "MLmodel").is_file():
        return "mlflow"
    return _FRAMEWORKS[_stored_ending(model_file)]


def place(model_file: Path, directory: Path) -> None:
    """Copy it into `directory` as a version has it, with all that belongs to it. Raises
    `InvalidMetadata`, and `NotAModel` for what is none.
    """
    if (model_file / "MLmodel").is_file():
        shutil.copytree(model_file, directory / "model.mlflow")
        return
    if not model_file.is_file():
        raise InvalidMetadata(f"{model_file} is no file")
    ending = _stored_ending(model_file)
    refuse_other(model_file, OF_ENDING[ending])
    if _FRAMEWORKS[ending] == "xgboost":
        _place_boosted(model_file, directory)
        return
    shutil.copyfile(model_file, directory / f"model{ending}")
    for beside in _data_of(model_file):
        target = directory / check_relative(beside)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(model_file.parent / beside, target)


def _stored_ending(model_file: Path) -> str:
    ending = _ALSO.get(model_file.suffix, model_file.suffix)
    if ending in _FRAMEWORKS and ending != _VAGUE:
        return ending
    if not model_file.is_file():
        raise InvalidReference(f"{model_file} is no file")
    found = format_of_bytes(model_file)
    if found is not None:
        return _ENDINGS[found]
    if ending in _OF_XGBOOST:
        return ".ubj"
    raise InvalidReference(
        f"{model_file}: no framework has the ending {model_file.suffix!r}, and its first bytes are "
        f"of none; known are {', '.join(sorted(_FRAMEWORKS))}"
    )


def _place_boosted(model_file: Path, directory: Path) -> None:
    """XGBoost goes by the ending when it reads a file, so that has to be right."""
    if is_old_binary(model_file):
        (directory / "model.json").write_bytes(converted(model_file))
        return
    with model_file.open("rb") as file:
        second = file.read(2)[1:]
    ubjson = second in (b"L", b"U", b"i", b"l", b"I", b"$")
    shutil.copyfile(model_file, directory / f"model{'.ubj' if ubjson else '.json'}")


def _data_of(model_file: Path) -> list[str]:
    """Files beside an ONNX model that hold its weights. Raises `InvalidMetadata` for others."""
    if model_file.suffix != ".onnx" or find_spec("onnx") is None:
        return []
    import onnx

    try:
        graph = onnx.load(str(model_file), load_external_data=False).graph
    except Exception:  # no ONNX: the server will say so
        return []
    found = {
        entry.value
        for tensor in graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    for name in found:
        try:
            check_relative(name)
        except IntegrityError:
            raise InvalidMetadata(f"{model_file} takes weights from outside: {name!r}") from None
        if not (model_file.parent / name).is_file():
            raise InvalidMetadata(f"{model_file} needs {name}, which is not beside it")
    return sorted(found)
