"""What people publish instead of a model is known by its first bytes, and told with what to do."""

import gzip
import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest

from transit_models.cli import main
from transit_models.errors import NotAModel
from transit_models.file_formats import OF_ENDING, FileFormat
from transit_models.first_bytes import format_of_bytes, refuse_other

PICKLE = pickle.dumps({"model": list(range(50))})
HTML = b"<!DOCTYPE html>\n<html><body>Sign in</body></html>"
XML = b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>'
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
BOOSTED = json.dumps({"version": [3, 2, 0], "learner": {"attributes": {}}}).encode()
TREES = (
    b"tree\nversion=v4\nnum_class=1\n\nTree=0\n\nend of trees\n\nparameters:\n\nend of parameters\n"
)
TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
ONNX = b"\x08\x08\x12\x08skl2onnx"


def zipped(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, b"{}")
    return made.getvalue()


def tarred(mode: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        entry = tarfile.TarInfo("model.pkl")
        entry.size = len(PICKLE)
        archive.addfile(entry, io.BytesIO(PICKLE))
    return made.getvalue()


def of_numpy() -> bytes:
    made = io.BytesIO()
    np.save(made, np.ones(3))
    return made.getvalue()


NONE: dict[str, tuple[str, bytes, str]] = {
    "empty": (".pkl", b"", "is empty: copy it again"),
    "a page": (".pkl", HTML, "is an HTML page, not a pickle: that is what a failed download"),
    "a page for ONNX": (".onnx", b"\n  <html>", "an HTML page, not an ONNX model"),
    "an answer of S3": (".keras", XML, "is an XML document, not a Keras model"),
    "an error as JSON": (".ubj", b'{"message": "Not Found"}', 'JSON document ({"message": "Not F'),
    "an error as JSON for a pickle": (".pkl", b'{"error": 404}', "is a JSON document"),
    "an error as text": (".cbm", b"404: Not Found", "is a text ('404: Not Found')"),
    "an error as text for a pickle": (".sav", b"404: Not Found\n", "is a text ('404: Not Found')"),
    "a pointer": (".onnx", POINTER, "Git LFS pointer, which stands for the file, not an ONNX"),
    "a tar": (".pkl", tarred("w"), "is a tar archive, not a pickle: unpack it"),
    "a tar in gzip": (".joblib", tarred("w:gz"), "is a tar archive in gzip"),
    "gzip": (".onnx", gzip.compress(ONNX), "is a file in gzip, not an ONNX model: unpack it"),
    "gzip of a page": (".pkl", gzip.compress(HTML), "is a file in gzip, not a pickle"),
    "a zip": (".pkl", zipped("a.pkl", "b"), "a zip archive (a.pkl, b), not a pickle: unpack it"),
    "half a zip": (".keras", zipped("config.json")[:-30], "is cut off: it begins as a zip"),
    "a zipped folder": (".pkl", zipped("m/MLmodel", "m/model.pkl"), "a model folder of MLflow"),
    "PyTorch": (".pkl", zipped("archive/data.pkl"), "is a model of PyTorch, not a pickle: it is"),
    "old PyTorch": (".pkl", TORCH, "is a model of PyTorch"),
    "SavedModel": (".keras", zipped("m/saved_model.pb"), "is a SavedModel of TensorFlow"),
    "TensorFlow Lite": (".onnx", b"\x1c\0\0\0TFL3\0\0", "is a model of TensorFlow Lite"),
    "PMML": (".txt", b'<?xml version="1.0"?>\n<PMML version="4.4">', "a model in PMML"),
    "an array": (".pkl", of_numpy(), "is an array of NumPy"),
    "an architecture": (".json", b'{"class_name": "Sequential"}', "architecture of a Keras model"),
    "ONNX": (".pkl", ONNX, "is an ONNX model, not a pickle: give it an ending of its own format"),
    "a pickle": (".onnx", PICKLE, "is a pickle, not an ONNX model: give it an ending"),
    "HDF5": (".pkl", b"\x89HDF\r\n\x1a\n", "is a Keras model, not a pickle"),
    "a Keras archive": (".skops", zipped("config.json", "metadata.json"), "such as .keras or .h5"),
    "skops": (".keras", zipped("schema.json"), "is a skops file, not a Keras model"),
    "XGBoost": (".cbm", BOOSTED, "is an XGBoost model, not a CatBoost model"),
    "CatBoost": (".txt", b"CBM1\x98&\0\0", "is a CatBoost model, not a LightGBM model"),
    "LightGBM": (".json", TREES, "is a LightGBM model, not an XGBoost model"),
    "a long text": (".txt", b"Booster of mine\n" * 999, "begins with 'Booster of mine"),
    "half of LightGBM's": (".txt", TREES[:60], "is cut off: LightGBM's last lines are missing"),
    "LightGBM's without an end": (".txt", TREES[:-18], "is cut off"),
}  # fmt: skip


@pytest.mark.parametrize(("ending", "content", "words"), NONE.values(), ids=NONE)
def test_what_is_no_model_of_its_ending(
    tmp_path: Path, ending: str, content: bytes, words: str
) -> None:
    path = tmp_path / f"model{ending}"
    path.write_bytes(content)
    with pytest.raises(NotAModel) as refused:
        refuse_other(path, OF_ENDING[ending])
    assert words in str(refused.value)


def compressed(how: str) -> bytes:
    made = io.BytesIO()
    joblib.dump(list(range(999)), made, compress=(how, 3))
    return made.getvalue()


OLDEST, ODD = b"\0\0\0?\x04\0\0\0", b"\x42\x04\x0a\x00\x10\x11"
UNKNOWN = (OLDEST, ODD, pickle.dumps({"a": 1}, protocol=0), compressed("bz2"), compressed("lzma"),
           compressed("xz"))  # fmt: skip
SOME: dict[str, tuple[str, bytes]] = {
    "a pickle": (".pkl", PICKLE),
    "the first protocol": (".pickle", pickle.dumps({"a": 1}, protocol=0)),
    **{f"a pickle in {how}": (".joblib", compressed(how))
       for how in ("zlib", "gzip", "bz2", "lzma", "xz")},
    "XGBoost": (".json", BOOSTED),
    "XGBoost, broken": (".json", b'{"learner": {"attri'),
    "XGBoost in UBJSON": (".ubj", b"{L\0\0\0\0\0\0\0\x07learner{"),
    "XGBoost's old binary": (".bst", b"binf\0\0\0\0"),
    "XGBoost's oldest binary": (".bst", OLDEST),
    "LightGBM": (".txt", TREES),
    "LightGBM without parameters": (".txt", b"tree\nversion=v2\n\nTree=0\n\nend of trees\n"),
    "ONNX": (".onnx", ONNX),
    "ONNX that begins otherwise": (".onnx", ODD),
    "Keras 3": (".keras", zipped("metadata.json", "config.json", "model.weights.h5")),
    "HDF5 under the ending of Keras 3": (".keras", b"\x89HDF\r\n\x1a\n"),
    "skops": (".skops", zipped("schema.json", "1.npy")),
}  # fmt: skip


@pytest.mark.parametrize(("ending", "content"), SOME.values(), ids=SOME)
def test_what_may_be_one_is_left_to_its_library(
    tmp_path: Path, ending: str, content: bytes
) -> None:
    path = tmp_path / f"model{ending}"
    path.write_bytes(content)
    refuse_other(path, OF_ENDING[ending])
    known: FileFormat | None = format_of_bytes(path)
    assert known == (None if content in UNKNOWN else OF_ENDING[ending])


@pytest.mark.parametrize("option", ["model", "preprocessing"])
def test_pack_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    """Even where the user says all that the file could tell."""
    files = {name: tmp_path / f"{name}.pkl" for name in ("model", "preprocessing")}
    for name, path in files.items():
        path.write_bytes(HTML if name == option else PICKLE)
    arguments = [str(files["model"]), str(tmp_path / "store"), "m@1.0.0", "--features", "3"]
    assert main(["pack", *arguments, "--preprocessing", str(files["preprocessing"])]) == 1
    assert f"{option}.pkl is an HTML page, not a pickle" in capsys.readouterr().err
    assert not (tmp_path / "store" / "m").exists()


def test_an_ending_that_says_nothing_hides_no_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "final.model").write_bytes(POINTER)
    arguments = [str(tmp_path / "final.model"), str(tmp_path / "store"), "m@1.0.0"]
    assert main(["pack", *arguments, "--features", "3"]) == 1
    assert "final.model is a Git LFS pointer" in capsys.readouterr().err
