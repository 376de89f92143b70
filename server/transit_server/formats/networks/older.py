"""Where Keras 2.13 and 2.14 put the weights of a `.keras` archive, for `tf_keras`, which is of 2.15
and later and looks for them elsewhere.

An archive names each weight by the way to it through a model's attributes. The first writers went
through them from a to z, so that layers were found in one that is skipped today; and 2.13 counted
a layer of the same class twice. What doesn't fit is an error of the reader's, never another weight.
Neighbour: `opening` reads the file meanwhile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LAYERS = "_layer_checkpoint_dependencies"


def is_older(written_by: str) -> bool:
    return written_by.startswith(("2.13.", "2.14."))


@contextmanager
def laid_out_as(written_by: str) -> Iterator[None]:
    """One at a time: `tf_keras` reads so until the end."""
    from tf_keras.src.saving import saving_lib

    walk, contained = saving_lib._walk_trackable, saving_lib._load_container_state
    skipped = saving_lib.ATTR_SKIPLIST - {_LAYERS}

    def walk_up(trackable: Any) -> Iterator[tuple[str, Any]]:
        """From a to z."""
        for name in sorted(dir(trackable)):
            if name.startswith("__") or name in skipped:
                continue
            try:
                found = getattr(trackable, name)
            except Exception:  # noqa: S112 - a property that needs what is not there: no weights
                continue
            yield name, found

    saving_lib._walk_trackable = walk_up
    if written_by.startswith("2.13."):
        saving_lib._load_container_state = _counting_twice
    try:
        yield
    finally:
        saving_lib._walk_trackable, saving_lib._load_container_state = walk, contained


def _counting_twice(
    container: Any,
    weights_store: Any,
    assets_store: Any,
    inner_path: str,
    skip_mismatch: bool,
    visited_trackables: set[int],
) -> None:
    from tf_keras.src.saving import saving_lib
    from tf_keras.src.utils.generic_utils import to_snake_case

    used: dict[str, int] = {}
    for one in list(container.values()) if isinstance(container, dict) else container:
        if not saving_lib._is_keras_trackable(one):
            continue
        kind = to_snake_case(type(one).__name__)
        used[kind] = used.get(kind, -1) + 1
        name = f"{kind}_{used[kind]}" if used[kind] else kind
        saving_lib._load_state(
            one,
            weights_store,
            assets_store,
            inner_path=f"{inner_path}/{name}",
            skip_mismatch=skip_mismatch,
            visited_trackables=visited_trackables,
        )
