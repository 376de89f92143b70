"""From a model's own classes to the labels of its version: the only place where that is decided.

What can't be mapped with certainty is refused, with both lists and the way out. The same place
turns one output into two, classes without probabilities into shares, and holds answers to what
probabilities are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transit_models.counting import counted
from transit_models.schema import Classes, Number, Outputs, Several
from transit_server.formats.base import Class, Engine, Rows, Says, Scores, UnsupportedModel

SLACK = 1e-3
NO_PROBABILITIES = "answers are no probabilities"
_SHOWN = 12
_BY_POSITION = "classes are taken by position: {}"


@dataclass(frozen=True, slots=True)
class Answers:
    """A model whose answers are those of the version: (n, `width`) numbers a row, the labels'
    columns first. `widths` are those of several outputs, by name.
    """

    predict: Callable[[Rows], Scores]
    width: int
    outputs: Outputs
    note: str = ""
    widths: tuple[tuple[str, int], ...] = ()

    @property
    def probabilities(self) -> bool:
        return isinstance(self.outputs, Classes) and self.outputs.probabilities


def answers(engine: Engine, outputs: Outputs) -> Answers:
    """`engine` in the words of `outputs`. Raises `UnsupportedModel`."""
    says = engine.says
    _fits(says, outputs)
    if isinstance(outputs, Several):
        return _several(engine, outputs)
    if isinstance(outputs, Number):
        return Answers(_column(engine.run), 1, outputs)
    if says.gives == "outlier":
        return Answers(_flags(engine.run), 3, outputs)
    labels = outputs.labels
    if not labels:  # clusters need no names
        labels = tuple(str(item) for item in says.classes or ())
        outputs = Classes(labels, (), outputs.probabilities, outputs.score)
    if says.gives == "label":
        places, note = _places(says.classes, outputs)
        return Answers(_shares(engine.run, places, len(labels)), len(labels), outputs, note)
    order, note = _order(says.classes, outputs)
    return Answers(_columns(engine.run, order, len(labels)), len(labels), outputs, note)


def _fits(says: Says, outputs: Outputs) -> None:
    """Raises `UnsupportedModel` when the model answers something else than the task is about."""
    wanted = (
        "tensors"
        if isinstance(outputs, Several)
        else "value"
        if isinstance(outputs, Number)
        else "probabilities"
        if outputs.probabilities
        else "outlier"
        if outputs.score
        else "label"
    )
    if says.gives != wanted:
        raise UnsupportedModel(
            f"it gives {_KINDS[says.gives]}, and its task needs {_KINDS[wanted]}: "
            "pack it with another --task"
        )


_KINDS = {
    "tensors": "several outputs (task tensors)",
    "value": "a number (task regression)",
    "probabilities": "probabilities (task classification or binary)",
    "outlier": "outlier flags (task outlier)",
    "label": "classes alone (task label or cluster)",
}


def _order(classes: Sequence[Class] | None, outputs: Classes) -> tuple[list[int] | None, str]:
    """The model's columns in the order of the labels, None if that is theirs; and what to tell."""
    labels = outputs.labels
    if classes is None:
        return None, _BY_POSITION.format("the model does not name them")
    if outputs.known_as:
        own = [_plain(item) for item in classes]
        wanted = [_plain(item) for item in outputs.known_as]
        if sorted(map(repr, own)) != sorted(map(repr, wanted)):
            raise _refused(classes, [repr(item) for item in wanted], "model_classes")
        return _unless_identity([own.index(item) for item in wanted]), ""
    if len(classes) != len(labels):
        raise UnsupportedModel(
            f"it knows {counted(len(classes), 'class', 'classes')}, its metadata {len(labels)}: "
            f"the model's are {_list(classes)}, the labels {_list(labels)}"
        )
    by_name = _by_name(classes, labels)
    if by_name is not None:
        return _unless_identity(by_name), ""
    texts = {_text(item) for item in classes}
    numbered = [_plain(item) for item in classes] == list(range(len(classes)))
    if numbered and not texts & set(labels):
        return None, _BY_POSITION.format(f"the model knows them as 0 to {len(classes) - 1}")
    raise _refused(classes, labels, "labels")


def _by_name(classes: Sequence[Class], labels: Sequence[str]) -> list[int] | None:
    """By the very text; else by text that differs in case only; else, of bools, by number. 1.0 is
    written 1 by one, and 1.0 by another.
    """
    forms = [[_text(item) for item in classes], [str(item) for item in classes]]
    if all(isinstance(item, bool) for item in classes):
        forms.append([str(int(item)) for item in classes])
    for texts in forms:
        for fold in (str, lambda text: text.strip().casefold()):
            folded, wanted = [fold(text) for text in texts], [fold(text) for text in labels]
            unique = len(set(folded)) == len(folded)
            if unique and sorted(folded) == sorted(wanted):
                return [folded.index(text) for text in wanted]
    return None


def _places(classes: Sequence[Class] | None, outputs: Classes) -> tuple[dict[Any, int], str]:
    """Where the column of each class is, for models that answer a class alone."""
    if classes is None:
        raise UnsupportedModel("it does not say which classes there are")
    order, note = _order(classes, outputs)
    places = range(len(classes)) if order is None else order
    return {_plain(classes[place]): column for column, place in enumerate(places)}, note


def _refused(classes: Sequence[Class], labels: Sequence[str], what: str) -> UnsupportedModel:
    return UnsupportedModel(
        f"its classes can't be mapped to the {what} with certainty: the model's are "
        f"{_list(classes)}, the {what} {_list(labels)}. Name the labels as the model does, in any "
        "order, or give output_schema.model_classes: the model's class for each label"
    )


def _list(items: Sequence[object]) -> str:
    shown = ", ".join(repr(item) for item in items[:_SHOWN])
    return f"[{shown}{', …' if len(items) > _SHOWN else ''}]"


def _plain(item: Any) -> Any:
    """1.0 and True are not to be told from 1 by equality: so a class with its kind."""
    if isinstance(item, bool | np.bool_):
        return ("bool", bool(item))
    if isinstance(item, np.generic):
        item = item.item()
    return int(item) if isinstance(item, float) and item.is_integer() else item


def _text(item: Class) -> str:
    plain = _plain(item)
    return str(plain[1]) if isinstance(plain, tuple) else str(plain)


def _unless_identity(order: list[int]) -> list[int] | None:
    return None if order == list(range(len(order))) else order


def _columns(run: Callable[[Rows], Any], order: list[int] | None, labels: int) -> Any:
    """One probability per row, as binary models give it, becomes one per class."""

    def predict(rows: Rows) -> Scores:
        scores = np.asarray(run(rows))
        if scores.ndim == 1:
            scores = scores.reshape(-1, 1)
        if scores.shape[1] == 1 and labels == 2:
            scores = np.hstack((1.0 - scores, scores))
        return scores if order is None else scores[:, order]

    return predict


def _column(run: Callable[[Rows], Any]) -> Any:
    def predict(rows: Rows) -> Scores:
        said = np.asarray(run(rows))
        said = said.reshape(len(said), -1)
        if said.shape[1] != 1:
            raise UnsupportedModel(
                f"it answers {said.shape[1]} numbers a row, and a regression is one: give labels "
                "if they are classes, or pack it with --task tensors"
            )
        return said

    return predict


def _shares(run: Callable[[Rows], Any], places: dict[Any, int], labels: int) -> Any:
    def predict(rows: Rows) -> Scores:
        said = np.asarray(run(rows)).reshape(-1)
        shares = np.zeros((len(said), labels))
        for row, item in enumerate(said):
            place = places.get(_plain(item))
            if place is None:
                known = _list([item[1] if isinstance(item, tuple) else item for item in places])
                raise UnsupportedModel(
                    f"it answers the class {_text(item)!r}, which is none of those that it is "
                    f"known to have: {known}. Give output_schema.model_classes (--model-classes): "
                    "the model's class for each label"
                )
            shares[row, place] = 1.0
        return shares

    return predict


def _flags(run: Callable[[Rows], Any]) -> Any:
    """Inlier, outlier, and the score."""

    def predict(rows: Rows) -> Scores:
        said = np.asarray(run(rows), dtype=np.float64)
        if not np.isin(said[:, 0], (-1, 1)).all():
            raise UnsupportedModel(
                "its flags are not 1 and -1, so it tells no outliers: --task label"
            )
        inlier = (said[:, 0] > 0).astype(np.float64)
        return np.stack((inlier, 1.0 - inlier, said[:, 1]), axis=1)

    return predict


def _several(engine: Engine, outputs: Several) -> Answers:
    """Side by side in one matrix; `widths` says whose columns are whose."""
    there = dict(engine.says.outputs)
    wanted = [named.name for named in outputs.outputs] or list(there)
    unknown = [name for name in wanted if name not in there]
    if unknown:
        raise UnsupportedModel(f"it has no output {unknown[0]!r}, only {', '.join(there)}")
    places = [list(there).index(name) for name in wanted]
    run = engine.run

    widths = tuple((name, there[name]) for name in wanted)
    classes = {}
    for place, named in enumerate(outputs.outputs):
        if isinstance(named.of, Classes):
            classes[place] = named.name
            if there[named.name] != len(named.of.labels):
                raise UnsupportedModel(
                    f"its output {named.name} has {counted(there[named.name], 'column')}, "
                    f"and {counted(len(named.of.labels), 'label')}"
                )

    def predict(rows: Rows) -> Scores:
        said = run(rows)
        parts = [np.asarray(said[place]) for place in places]
        parts = [part.reshape(len(part), -1) for part in parts]
        for place, name in classes.items():
            why = no_probabilities(parts[place])
            if why is not None:
                raise ValueError(f"of its output {name}, {NO_PROBABILITIES}: {why}")
        return np.concatenate(parts, axis=1)

    return Answers(predict, sum(width for _, width in widths), outputs, "", widths)


def no_probabilities(scores: Scores) -> str | None:
    """Why rows (n, classes) of finite numbers are no probabilities; None if they are."""
    if scores.min() < -SLACK or scores.max() > 1 + SLACK:
        return f"they go from {scores.min():.3g} to {scores.max():.3g}"
    sums: NDArray[Any] = scores.sum(axis=1)
    worst = float(sums[np.argmax(np.abs(sums - 1.0))])
    if abs(worst - 1.0) > SLACK:
        return f"those of one row add up to {worst:.4g}, not to 1"
    return None
