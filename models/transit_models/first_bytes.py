"""Is a file what its ending says? Known by its first bytes, before any library opens it.

What people publish by mistake is seldom another model: it is the page that a failed download left,
a Git LFS pointer, an archive, half a file. Libraries say of these what helps nobody (`KeyError:
60`), and some end the process. Neighbours: `pack` asks for what it is given, the server for what it
is about to open.
"""

import gzip
import io
import json
import pickle
import pickletools
import zipfile
from dataclasses import dataclass
from pathlib import Path

from transit_models.errors import NotAModel
from transit_models.file_formats import IN_WORDS, FileFormat

_HEAD = 4096
_SMALL = 2**20
_DOWNLOAD = "that is what a failed download leaves: get the file again, and look at its size"
_AGAIN = "copy it again from where it was saved, whole"
_ONNX = "it is not served: export it as ONNX where it was trained"
# First bytes that are always of one thing. An ending of None: not served, with what to do.
_STARTS: tuple[tuple[bytes, FileFormat | None, str, str], ...] = (
    (b"\x89HDF", "keras", IN_WORDS["keras"], ""),
    (b"CBM1", "catboost", IN_WORDS["catboost"], ""),
    (b"tree\n", "lightgbm", IN_WORDS["lightgbm"], ""),
    (b"tree\r\n", "lightgbm", IN_WORDS["lightgbm"], ""),
    (b"binf", "xgboost", IN_WORDS["xgboost"], ""),
    *((b"{" + kind, "xgboost", IN_WORDS["xgboost"], "")  # UBJSON: how long the first name is
      for kind in (b"L", b"U", b"i", b"l", b"I", b"$")),
    (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", None, "a model of PyTorch", _ONNX),
    *((bytes((0x80, protocol)), "pickle", IN_WORDS["pickle"], "") for protocol in range(2, 6)),
    (b"\x93NUMPY", None, "an array of NumPy", "pack the model, and give arrays by --probe"),
    (b"RDX", None, "data of R", _ONNX),
    (b"GGUF", None, "a language model (GGUF)", "no language models are served"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Found:
    """What a file is; without a format it is none that is served."""

    format: FileFormat | None
    what: str
    advice: str = ""


def refuse_other(path: Path, wanted: FileFormat) -> None:
    """Raises `NotAModel` when `path` is empty, cut off or something else than `wanted`."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise NotAModel(f"{path.name} is empty: {_AGAIN}")
    found = _known(path, head, wanted)
    if found is not None and found.format != wanted:
        advice = found.advice or f"give it an ending of its own format, such as {_ending(found)}"
        raise NotAModel(f"{path.name} is {found.what}, not {IN_WORDS[wanted]}: {advice}")
    _refuse_half(path, head, wanted)


def format_of_bytes(path: Path) -> FileFormat | None:
    """Of a file whose ending says nothing; None where its first bytes don't either. Raises
    `NotAModel` for what is known to be none.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise NotAModel(f"{path.name} is empty: {_AGAIN}")
    found = _known(path, head, None)
    if found is not None and found.format is None:
        raise NotAModel(f"{path.name} is {found.what}: {found.advice}")
    return None if found is None else found.format


def is_cut_off(path: Path) -> bool:
    """Whether a plain pickle lacks its last byte, which every one has."""
    with path.open("rb") as file:
        if file.read(1) != b"\x80":
            return False
        file.seek(-1, io.SEEK_END)
        return file.read(1) != pickle.STOP


def _ending(found: _Found) -> str:
    endings: dict[FileFormat | None, str] = {
        "onnx": ".onnx",
        "skops": ".skops",
        "xgboost": ".ubj or .json",
        "lightgbm": ".txt",
        "catboost": ".cbm",
        "keras": ".keras or .h5",
        "pickle": ".pkl",
    }
    return endings[found.format]


def _known(path: Path, head: bytes, wanted: FileFormat | None) -> _Found | None:
    """None where the first bytes don't tell: then the format's library has the word. `wanted` is
    what the ending says, if it says something.
    """
    for start, format, what, advice in _STARTS:
        if head.startswith(start):
            return _Found(format, what, advice)
    if head[4:8] == b"TFL3":
        return _Found(None, "a model of TensorFlow Lite", _ONNX)
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path)
    if head.startswith(b"\x1f\x8b"):
        return _gzipped(path, wanted)
    if wanted is None and head.startswith(b"\x78"):
        return _Found("pickle", IN_WORDS["pickle"])  # as joblib compresses
    if head[257:262] == b"ustar":
        return _Found(None, "a tar archive", "unpack it, and pack the model that is in it")
    if wanted != "onnx" and len(head) > 8 and head[0] == 8 and head[1] < 64 and head[2] in b"\x12:":
        return _Found("onnx", IN_WORDS["onnx"])
    return _text(path, head, wanted)


def _text(path: Path, head: bytes, wanted: FileFormat | None) -> _Found | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lower = start[:200].lower()
    if start.startswith(b"version https://git-lfs"):
        return _Found(None, "a Git LFS pointer, which stands for the file", "git lfs pull gets it")
    if lower.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return _Found(None, "an HTML page", _DOWNLOAD)
    if b"<pmml" in lower or b"<pmml" in start.lower():
        return _Found(None, "a model in PMML", _ONNX)
    if lower.startswith(b"<?xml"):
        return _Found(None, "an XML document", _DOWNLOAD)
    if start.startswith(b"{") and start[1:].lstrip()[:1] in (b'"', b"}"):
        return _json(path, start)
    if wanted and path.stat().st_size <= _HEAD and _is_words(head) and not _is_pickle(head):
        said = " ".join(head.decode("utf-8", "replace").split())[:80]
        return _Found(None, f"a text ({said!r})", _DOWNLOAD)
    if wanted == "lightgbm" and _is_words(head):
        return _Found(
            None,
            f"a text that begins with {head[:40].decode('utf-8', 'replace')!r}",
            "LightGBM's begins with the line tree: save it with booster_.save_model",
        )
    return None


def _json(path: Path, start: bytes) -> _Found | None:
    """A model of XGBoost has a learner; a large document that has none is left to XGBoost."""
    xgboost = _Found("xgboost", IN_WORDS["xgboost"])
    if b'"learner"' in start or path.stat().st_size > _SMALL:
        return xgboost
    try:
        said = json.loads(path.read_bytes())
    except ValueError:
        return xgboost  # which says what is wrong with it
    if isinstance(said, dict) and "learner" in said:
        return xgboost
    if isinstance(said, dict) and said.get("class_name") in ("Sequential", "Functional", "Model"):
        return _Found(None, "the architecture of a Keras model, without its weights",
                      "save the whole model: model.save('model.keras')")  # fmt: skip
    text = " ".join(start.decode("utf-8", "replace").split())[:80]
    return _Found(None, f"a JSON document ({text})", _DOWNLOAD)


def _zipped(path: Path) -> _Found:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        raise NotAModel(f"{path.name} is cut off: it begins as a zip, and the end is missing. "
                        f"{_AGAIN.capitalize()}") from None  # fmt: skip
    if "schema.json" in names:
        return _Found("skops", IN_WORDS["skops"])
    if "config.json" in names and "metadata.json" in names:
        return _Found("keras", IN_WORDS["keras"])
    ends = {Path(name).name for name in names}
    if "data.pkl" in ends:
        return _Found(None, "a model of PyTorch", _ONNX)
    if "saved_model.pb" in ends:
        return _Found(None, "a SavedModel of TensorFlow in a zip archive",
                      "load it where it was trained, and save it as .keras or ONNX")  # fmt: skip
    unpack = "unpack it, and pack "
    if "MLmodel" in ends:
        return _Found(None, "a model folder of MLflow in a zip archive", f"{unpack}the folder")
    inside = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return _Found(None, f"a zip archive ({inside})", f"{unpack}the model that is in it")


def _gzipped(path: Path, wanted: FileFormat | None) -> _Found | None:
    """A pickle may be compressed, by joblib; nothing else may."""
    pickled = wanted in ("pickle", None)
    try:
        with gzip.open(path) as file:
            inner = file.read(_HEAD)
    except (OSError, EOFError):
        return None if pickled else _Found(None, "a file in gzip that is cut off", _AGAIN)
    if inner[257:262] == b"ustar":
        return _Found(None, "a tar archive in gzip", "unpack it, and pack the model that is in it")
    if inner.startswith((b"RDX", b"X\n")):
        return _Found(None, "data of R", _ONNX)
    if pickled and (inner[:1] == b"\x80" or _is_pickle(inner)):
        return _Found("pickle", IN_WORDS["pickle"])
    return _Found(None, "a file in gzip", "unpack it (gunzip), and pack what is in it")


def _is_words(data: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\r\n" for byte in data)


def _is_pickle(data: bytes) -> bool:
    """Of the first protocol, which is text. None of it is run."""
    try:
        return sum(1 for _ in pickletools.genops(data)) > 1
    except (ValueError, IndexError, UnicodeDecodeError):
        return False


def _refuse_half(path: Path, head: bytes, wanted: FileFormat) -> None:
    """What its library would not survive: LightGBM ends the process on half a file."""
    if wanted != "lightgbm":
        return
    text = path.read_bytes()
    newest = b"\nversion=v4" in head or b"\nparameters:" in text
    if b"\nend of trees" not in text or (newest and b"\nend of parameters" not in text):
        raise NotAModel(f"{path.name} is cut off: LightGBM's last lines are missing. "
                        f"{_AGAIN.capitalize()}")  # fmt: skip
