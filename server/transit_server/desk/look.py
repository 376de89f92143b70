"""What a model's file says of itself, as JSON: `python -m transit_server.desk.look DIRECTORY`.

`transit-models pack` asks it. The directory holds a version that is not sealed yet; its metadata
are a draft, in which the task may be missing. What requests have to hold is said by the first that
sees them: preprocessing, where there is some. Neighbour: `formats.describing` finds it out.
"""

import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from transit_models.errors import ModelStoreError
from transit_models.integrity import version_in
from transit_server.formats.base import Engine, Says, Unreadable, UnsupportedModel, first_line
from transit_server.formats.describing import TASKS, input_of, open_for

_PACKAGES = {
    "scikit-learn": ("scikit-learn",),
    "sklearn": ("scikit-learn",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "lightgbm": ("lightgbm",),
    "catboost": ("catboost",),
}


def look(directory: Path, tasks: tuple[str, ...]) -> dict[str, Any]:
    """Raises `UnsupportedModel` when the model answers none of `tasks`."""
    engine, task, first = open_for(version_in(directory), tasks)
    return _described(engine, task, first)


def _described(engine: Engine, task: str, first: Says) -> dict[str, Any]:
    says = engine.says
    return {
        "task": task,
        "classes": None if says.classes is None else [str(item) for item in says.classes],
        "features": first.features or len(first.fields) or None,
        "names": list(first.names),
        "dtype": first.dtype,
        "inputs": [input_of(field) for field in first.fields],
        "dependencies": _versions(engine.name),
        "can_be_missing": first.missing,
        "notes": list(says.notes),
    }


def _versions(engine: str) -> dict[str, str]:
    for package in _PACKAGES.get(engine, ()):
        try:
            return {_PACKAGES[engine][0]: version(package)}
        except PackageNotFoundError:
            continue
    return {}


def said(directory: Path, tasks: tuple[str, ...]) -> dict[str, Any]:
    """The same, with what is wrong as an answer, too."""
    try:
        return look(directory, tasks or TASKS)
    except Unreadable as error:
        return {"unread": str(error)}
    except (UnsupportedModel, ModelStoreError) as error:
        return {"refused": str(error)}
    except BaseException as error:  # a pickle may raise anything
        return {"unread": f"{type(error).__name__}: {first_line(error)}"}


def main() -> None:
    print(json.dumps(said(Path(sys.argv[1]), tuple(sys.argv[2:]))))


if __name__ == "__main__":
    main()
