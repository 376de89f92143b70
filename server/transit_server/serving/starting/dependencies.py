"""The versions that a model was made with, against those of the image."""

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

# One library under several names: what people write, and what may be installed.
_ALSO = {
    "sklearn": ("scikit-learn",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
}
_EXACT = re.compile(r"(==)?\s*v?(\d+(?:\.\w+)*)")


def differences(wanted: Mapping[str, str], by: str = "its metadata has") -> tuple[str, ...]:
    """Each library that is here in another minor version, in words; one that is not here at all is
    none of the server's affair: what the model needs, loading it tells.
    """
    found = []
    for name, said in wanted.items():
        here = _installed(name)
        match = _EXACT.fullmatch(said.strip())
        if here is not None and match is not None and _minor(match[2]) != _minor(here):
            found.append(f"{by} {name} {match[2]}, and it is run by {here}")
    return tuple(found)


def _installed(name: str) -> str | None:
    for package in _ALSO.get(name.lower().replace("_", "-"), (name,)):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return None


def _minor(text: str) -> tuple[str, ...]:
    return tuple(text.split(".")[:2])
