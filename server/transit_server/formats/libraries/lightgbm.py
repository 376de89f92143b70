"""Gradient-boosted trees of LightGBM: `.txt`, and boosters in pickles. The package is an extra."""

import re
from collections.abc import Sequence
from typing import Any

import lightgbm

from transit_models.schema import TEXT, Input
from transit_server.formats.base import Engine, Gives, Numbered, Says, Source, UnsupportedModel

_DECLARED = re.compile(r"^\[categorical_feature: ([\d,]+)\]$", re.MULTILINE)
PROBABILITIES = ("binary", "multiclass", "cross_entropy")


def load(source: Source) -> Engine:
    return engine(lightgbm.Booster(model_file=str(source.path)), source)


def engine(booster: lightgbm.Booster, source: Source) -> Engine:
    """A booster, wherever it came from. Raises `UnsupportedModel`."""
    header = _header(booster)
    objective = header.get("objective", "").partition(" ")[0]
    gives = _gives(objective, source.task)
    names = tuple(booster.feature_name())
    named = names != tuple(f"Column_{number}" for number in range(len(names)))
    threads = source.threads

    def run(rows: Any) -> Any:
        return booster.predict(rows, num_threads=threads)

    width = booster.num_model_per_iteration()
    if gives == "value" and width > 1:
        raise UnsupportedModel(
            f"a regression answers one number, and this {width}: pack it with --task tensors"
        )
    says = Says(
        gives=gives,
        outputs=(("values", width),) if gives == "tensors" else (),
        features=booster.num_feature(),
        names=names if named else (),
        dtype="float64",
        missing=True,
        **categories(booster),
    )
    if gives == "tensors":
        return Engine(lambda rows: (run(rows),), "lightgbm", says, booster)
    return Engine(run, "lightgbm", says, booster)


def _header(booster: lightgbm.Booster) -> dict[str, str]:
    """The lines before the first tree, by their names."""
    text = booster.model_to_string(num_iteration=1)
    lines = text.partition("\nTree=")[0].splitlines()
    return {key: value for key, _, value in (line.partition("=") for line in lines)}


def _gives(objective: str, task: str) -> Gives:
    if task == "regression":
        return "value"
    if task == "tensors":
        return "tensors"
    if task not in ("classification", "binary"):
        raise UnsupportedModel(f"LightGBM's {objective} does not answer the task {task}")
    if objective not in PROBABILITIES:
        known = ", ".join(PROBABILITIES)
        other = "tensors" if objective == "multiclassova" else "regression"
        raise UnsupportedModel(
            f"its objective {objective or 'none'} gives no probabilities, known to are {known}: "
            f"train with one of them, or pack it with --task {other}"
        )
    return "probabilities"


def categories(booster: Any) -> dict[str, Any]:
    """Columns that were pandas' categories, whose texts the model has kept."""
    header, names = _header(booster), tuple(booster.feature_name())
    kept = getattr(booster, "pandas_categorical", None)
    if not kept:
        return {}
    infos = header.get("feature_infos", "").split(" ")
    places = _categorical(booster, infos)
    values = dict(zip(places, kept, strict=False))
    fit = all(_are_of(infos[place], len(said)) for place, said in values.items())
    if len(places) != len(kept) or not fit or not all(map(_of_one_kind, kept)):
        raise UnsupportedModel(
            "which of its features are categories can't be known: encode them as numbers"
        )
    fields = tuple(_field(name, values.get(number, ())) for number, name in enumerate(names))
    numbered = tuple(
        Numbered(name=names[number], values=tuple(said))
        for number, said in values.items()
        if not fields[number].is_text
    )
    return {"takes": "frame", "fields": fields, "categorical": True, "numbered": numbered}


def _field(name: str, categories: Sequence[Any]) -> Input:
    if categories and isinstance(categories[0], str):
        return Input(name, TEXT, (), (), tuple(categories), True)
    truth = bool(categories) and isinstance(categories[0], bool)
    return Input(name, "bool" if truth else "float64", missing=True)


def _categorical(booster: Any, infos: list[str]) -> list[int]:
    """Which features were trained as categories: those that its parameters name, or in which it saw
    codes.
    """
    said = _DECLARED.search(booster.model_to_string(num_iteration=1))
    if said is not None:
        return [int(place) for place in said[1].split(",")]
    return [n for n, info in enumerate(infos) if info and info[0] not in "[n"]


def _are_of(info: str, categories: int) -> bool:
    """Whether the codes that a feature had are places among so many categories."""
    return info == "none" or all(
        int(code) < categories for code in info.split(":") if info[0] != "["
    )


def _of_one_kind(categories: list[Any]) -> bool:
    """All texts, all truth values, or all numbers: a category is known by its place among them."""
    kinds = {type(item) for item in categories}
    return kinds in ({str}, {bool}) or (bool(kinds) and kinds <= {int, float})
