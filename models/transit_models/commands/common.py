"""What commands share: how one is added, which versions and keys are meant, and telling.

Neighbour: `cli` makes the `Add` that each module's `add` is given.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from transit_models.errors import InvalidReference
from transit_models.storage import Storage, split_reference

Run = Callable[[argparse.Namespace], int]


class Add(Protocol):
    """Adds a command; what it returns takes the arguments."""

    def __call__(self, name: str, run: Run, text: str) -> argparse.ArgumentParser: ...


def selected(storage: Storage, references: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(name, plain version) of all that `references` mean; of everything when there are none."""
    for reference in references or storage.names():
        name, version = split_reference(reference)
        if version is not None:
            yield name, storage.resolve(name, version)
        else:
            for known in storage.versions(name):
                yield name, known


def named(reference: str, examples: Sequence[str] = ("1.1.0",)) -> tuple[str, str]:
    """(name, version or alias) of a reference that must have both. Raises `InvalidReference`."""
    name, asked = split_reference(reference)
    if asked is None:
        written = " or ".join(f"{name}@{example}" for example in examples)
        raise InvalidReference(f"{name!r}: which version? Write {written}")
    return name, asked


def public_keys(text: str) -> dict[str, str]:
    """Names and keys of a JSON object. Raises `ValueError`, which argparse tells."""
    keys = json.loads(text)
    if not isinstance(keys, dict) or not all(isinstance(pem, str) for pem in keys.values()):
        raise ValueError("no JSON object of texts")
    return keys


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
