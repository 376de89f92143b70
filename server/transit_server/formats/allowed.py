"""Which formats may be opened at all: an administrator's choice, held before anything is opened.

`TRANSIT_FORMATS` says it, which the operator sets from its `formats`. A pickle is code of whoever
wrote it; the other formats are data. Neighbours: `serving.starting.loading` and the desk ask
before they load a version.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

from transit_models.file_formats import IN_WORDS, PREPROCESSING_FORMAT, FileFormat, format_of
from transit_models.integrity import VerifiedVersion
from transit_models.packing.twin import TWIN
from transit_server.formats.base import UnsupportedModel

# How the model of a pickle is saved without one.
_INSTEAD: dict[FileFormat, str] = {
    "skops": "with skops.io.dump(model, 'model.skops')",
    "onnx": "as ONNX",
    "xgboost": "with XGBoost's save_model, if it is XGBoost's",
    "lightgbm": "with LightGBM's save_model, if it is LightGBM's",
    "catboost": "with CatBoost's save_model, if it is CatBoost's",
}


def refuse_forbidden(version: VerifiedVersion, allowed: Collection[FileFormat] | None) -> None:
    """Raises `UnsupportedModel` for a version with a file of a format that is not allowed; None
    allows all.
    """
    if allowed is None:
        return
    for path, found in _files(version):
        if found not in allowed:
            raise UnsupportedModel(_why(path, found, allowed, path in version.steps))


def _files(version: VerifiedVersion) -> Iterator[tuple[Path, FileFormat]]:
    """All that loading the version would open."""
    model = version.model_file
    if model.name == "MLmodel":
        from transit_server.formats.libraries import mlflow

        inner = mlflow.inner(model)
        yield inner.path, inner.format
    elif (found := format_of(model)) is not None:
        yield model, found
    if model.name != TWIN and (twin := model.with_name(TWIN)).is_file():
        yield twin, "onnx"
    for step in version.steps:
        yield step, PREPROCESSING_FORMAT


def _why(path: Path, found: FileFormat, allowed: Collection[FileFormat], step: bool) -> str:
    what = IN_WORDS[found] + (", which runs code when it is opened" if found == "pickle" else "")
    ways = [way for format, way in _INSTEAD.items() if format in allowed and format != found]
    if found != "pickle":  # of another library than those that are left
        ways = [_INSTEAD["onnx"]] if "onnx" in allowed else []
    thing = "the model with its preprocessing, as one pipeline," if step else "the model"
    advice = f"save {thing} {', or '.join(ways)}, and publish that; or " if ways else ""
    return (
        f"{path.name} is {what}, and the formats that may be opened here are {', '.join(allowed)} "
        f"(TRANSIT_FORMATS, config.formats of the operator): {advice}ask the cluster's "
        f"administrator to allow {found}"
    )
