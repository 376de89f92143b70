"""Trains the example models into a local store, and skips those that are trained already.

Neighbours: the recipes in `forests`, `boosted`, `cnn`; `pack.seal` writes metadata and checksums;
the command line's `train`, the demo and the tests call `train_examples`.
"""

import fcntl
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np

from transit_models.errors import InvalidReference, ModelStoreError
from transit_models.examples import EXAMPLES, FEATURES, LABELS, ExampleVersion
from transit_models.examples.recipe import Recipe, Trained, installed
from transit_models.integrity import METRICS, PROBE, verify_version
from transit_models.packing.pack import Description, seal
from transit_models.packing.twin import can_convert, write_twin
from transit_models.storage.local import LocalStorage
from transit_models.versions import directory_name

Progress = Callable[[str], None]

_SCALARS = ("accuracy", "precision", "recall", "f1_score", "roc_auc")
_LIBRARIES = (
    "scikit-learn",
    "numpy",
    "xgboost-cpu|xgboost",
    "keras",
    "tf2onnx",
    "batman-package",
)
_ALIASES = {"latest": "1.1.0", "stable": "1.0.0"}


def train_examples(
    store: Path,
    only: Collection[str] = (),
    *,
    force: bool = False,
    progress: Progress = lambda line: None,
) -> list[ExampleVersion]:
    """Train `EXAMPLES` into the local store `store`; returns those that were trained now.

    `only` holds `NAME` or `NAME@VERSION`; empty means all. What the same code trained before, and
    is intact, is skipped unless `force`. All of them take about a minute on two cores. Raises
    `InvalidReference` for an example there isn't.
    """
    wanted = _wanted(only)
    store.mkdir(parents=True, exist_ok=True)
    with _alone(store, progress):
        storage = LocalStorage(store)
        if set(storage.names()) <= {example.name for example in EXAMPLES}:
            storage.mark_scratch()  # they are trained again when their code changes
        return _train_missing(storage, wanted, force, progress)


def _train_missing(
    storage: LocalStorage, wanted: list[ExampleVersion], force: bool, progress: Progress
) -> list[ExampleVersion]:
    trained = []
    for number, example in enumerate(wanted, start=1):
        head = f"[{number}/{len(wanted)}] {example.name} {example.version}"
        key = _key()
        if not force and _is_trained(storage.root, example, key):
            progress(f"{head}: trained already")
            continue
        progress(f"{head}: training")
        start = time.monotonic()
        scores = _train(storage, example, key)
        seconds = time.monotonic() - start
        progress(f"{head}: accuracy {scores['accuracy']:.3f}, {seconds:.1f} s")
        trained.append(example)
    for name in {example.name for example in wanted}:
        for alias, version in _ALIASES.items():
            if version in storage.versions(name):
                storage.set_alias(name, alias, version)
    return trained


@contextmanager
def _alone(store: Path, progress: Progress) -> Iterator[None]:
    """One training at a time per store: tests, demo and `make models` share one."""
    with (store / ".training").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"another process trains into {store}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _wanted(only: Collection[str]) -> list[ExampleVersion]:
    known = {text for example in EXAMPLES for text in (example.name, example.reference)}
    for text in only:
        if text not in known:
            raise InvalidReference(f"there is no example {text!r}: {', '.join(sorted(known))}")
    return [
        example
        for example in EXAMPLES
        if not only or example.name in only or example.reference in only
    ]


@cache
def _recipes() -> dict[str, dict[str, Recipe]]:
    from transit_models.examples import boosted, cnn, forests

    return {
        "random_forest": forests.RECIPES,
        "xgboost": boosted.RECIPES,
        "keras_cnn": cnn.RECIPES,
    }


def _train(storage: LocalStorage, example: ExampleVersion, key: str) -> dict[str, float]:
    """Train one version and put it into the store; returns what its author measured."""
    recipe = _recipes()[example.name][example.version]
    with tempfile.TemporaryDirectory(prefix="transit-train-") as scratch:
        directory = Path(scratch)
        trained = recipe(directory)
        np.save(directory / PROBE, trained.probe, allow_pickle=False)
        if trained.framework == "tensorflow" and can_convert():
            write_twin(directory)
        (directory / METRICS).write_text(json.dumps(trained.scores, indent=2) + "\n", "utf-8")
        seal(directory, _description(example, trained, key))
        storage.publish(directory, example.name, example.version, replace=True)
    return trained.scores


def _description(example: ExampleVersion, trained: Trained, key: str) -> Description:
    packages = installed(trained.packages)
    return Description(
        name=example.name,
        version=example.version,
        framework=trained.framework,
        framework_version=next(iter(packages.values()), ""),
        features=FEATURES,
        shape=trained.shape,
        labels=LABELS,
        training={"dataset_version": "simulated-1", **trained.training, "code": key},
        performance={name: trained.scores[name] for name in _SCALARS},
        dependencies=packages,
        extra={"description": example.notes},
    )


def _is_trained(store: Path, example: ExampleVersion, key: str) -> bool:
    directory = store / example.name / directory_name(example.version)
    try:
        verified = verify_version(directory, example.name, example.version)
    except ModelStoreError:
        return False
    return verified.metadata.training.get("code") == key


@cache
def _key() -> str:
    """Changes with the code of the examples and with the libraries they are trained by."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    digest.update(json.dumps(installed(_LIBRARIES), sort_keys=True).encode())
    return digest.hexdigest()[:16]
