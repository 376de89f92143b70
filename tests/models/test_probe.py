"""Probe rows are plausible, the same every time, and a version's own when it brings some."""

import io
from pathlib import Path

import numpy as np
import pytest

from transit_models import InvalidMetadata, probe_rows, verify_version
from transit_models.integrity import write_checksums

from .conftest import MakeVersion


def with_probe(directory: Path, content: bytes) -> Path:
    (directory / "probe.npy").write_bytes(content)
    write_checksums(directory)
    return directory


def npy(array: object, **options: bool) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asarray(array), **options)
    return file.getvalue()


def test_without_a_probe_rows_are_positive_and_the_same(make_version: MakeVersion) -> None:
    version = verify_version(make_version())
    rows = probe_rows(version, 5)
    assert rows.shape == (5, 4)
    assert rows.dtype == np.float32
    assert rows.min() > 0
    assert (rows == probe_rows(version, 5)).all()


def test_a_versions_own_rows_are_repeated(make_version: MakeVersion) -> None:
    own = np.arange(8.0).reshape(2, 4)
    rows = probe_rows(verify_version(with_probe(make_version(), npy(own))), 3)
    assert (rows == own[[0, 1, 0]]).all()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an array",
        npy(np.zeros((2, 5))),
        npy(np.zeros(4)),
        npy(np.full((1, 4), np.nan)),
        npy(np.zeros((0, 4))),
        npy(["a", "b"]),
        npy(np.array([[print]] * 4, dtype=object), allow_pickle=True),
    ],
)
def test_what_is_no_probe_is_refused(make_version: MakeVersion, content: bytes) -> None:
    version = verify_version(with_probe(make_version(), content))
    with pytest.raises(InvalidMetadata, match=r"probe\.npy"):
        probe_rows(version, 1)
