"""The lines of the log: what is known of a prediction or of feedback, as JSON.

Names are those of the columns of `transit_registry.predictions`. Neighbours: `log` collects
entries, `writer` puts the lines into files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol

import msgspec
import numpy as np

from transit_models.schema import Inputs
from transit_server.formats.base import Rows, Scores
from transit_server.prediction_log.columns import Features

Kind = Literal["predictions", "feedback"]
_VALUES_AT_ONCE: Final = 32_768  # Python's numbers take 32 bytes each
_OVERHEAD: Final = 400  # bytes of a line, or of the objects that become one
_FIRST: Final = slice(0, 1)
_ENCODER = msgspec.json.Encoder()


class Model(Protocol):
    """What is asked of `serving.registry.ServedModel`."""

    name: str
    version: str
    digest: str
    inputs: Inputs
    labels: tuple[str, ...]
    widths: tuple[tuple[str, int], ...]

    @property
    def regression(self) -> bool: ...
    @property
    def several(self) -> bool: ...
    @property
    def probabilities(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where it was predicted: parts of every line."""

    namespace: str
    name: str
    revision: str


class Prediction(msgspec.Struct, omit_defaults=True, gc=False):
    """A line of `predictions`: one row, answered by one model."""

    timestamp: datetime
    request_id: str
    prediction_id: str
    row_index: int
    model_name: str
    version: str
    digest: str
    namespace: str
    name: str
    revision: str
    outcome: Literal["success", "error"]
    prediction: dict[str, Any]
    latency_ms: float
    input_features: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class Feedback(msgspec.Struct, gc=False):
    """A line of `feedback`: what was right, of an answer that a token names."""

    timestamp: datetime
    prediction_id: str
    row_index: int
    model_name: str
    version: str
    namespace: str
    name: str
    revision: str
    predicted: str | tuple[float, float]
    label: str | float
    correct: bool

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return _OVERHEAD + len(str(self.label))


class Entry(msgspec.Struct, frozen=True, gc=False):
    """Rows of one request to one model, as they were answered. Nothing in it changes any more.

    `numbers` are the places of the rows in their request, `errors` those without an answer. `rows`
    is None where no feature is written, and `scores` where the whole request failed.
    """

    model: Model
    features: Features
    place: Place
    time: float
    request_id: str
    prediction_id: str
    seconds: float
    numbers: Sequence[int]
    rows: Rows | None
    scores: Scores | None
    class_ids: Sequence[int]
    errors: dict[int, str]

    @property
    def weight(self) -> int:
        """About how many bytes it takes, as it is or as lines, whichever is more."""
        held = 0 if self.rows is None else self.rows.nbytes
        held += 0 if self.scores is None else self.scores.nbytes
        if self.rows is not None and self.rows.dtype.hasobject:
            names = self.rows.dtype.names or ()
            texts = [text for name in names for text in self.rows[name].ravel().tolist()]
            held += sum(len(text) for text in texts if isinstance(text, str))
        return 2 * held + _OVERHEAD * (1 + len(self.numbers))


def lines_of(what: Entry | Feedback) -> Iterator[tuple[bytes, int]]:
    """The lines of what waits, some at a time, and how many they are."""
    if isinstance(what, Feedback):
        yield _ENCODER.encode_lines([what]), 1
        return
    count = len(what.numbers)
    if count == 1:
        yield _encoded(what, _FIRST), 1
        return
    wide = sum(array[:1].size for array in (what.rows, what.scores) if array is not None)
    step = max(1, _VALUES_AT_ONCE // max(1, wide))
    for start in range(0, count, step):
        some = slice(start, min(start + step, count))
        yield _encoded(what, some), some.stop - start


def _encoded(entry: Entry, some: slice) -> bytes:
    model, place = entry.model, entry.place
    time, latency = datetime.fromtimestamp(entry.time, UTC), round(entry.seconds * 1e3, 3)
    answers = [] if entry.scores is None else _answers(model, entry, entry.scores[some], some)
    rows = None if entry.rows is None else list(entry.features.of(entry.rows[some]))
    made = []
    for index, number in enumerate(entry.numbers[some]):
        failed = number in entry.errors
        line = Prediction(
            time,
            entry.request_id,
            entry.prediction_id,
            number,
            model.name,
            model.version,
            model.digest,
            place.namespace,
            place.name,
            place.revision,
            "error" if failed else "success",
            {"error": entry.errors[number]} if failed else answers[index],
            latency,
        )
        if rows is not None:
            line.input_features = rows[index]
        made.append(line)
    return _ENCODER.encode_lines(made)


def _answers(model: Model, entry: Entry, scores: Scores, some: slice) -> list[dict[str, Any]]:
    """What was answered for each row, as the guide's API says it."""
    if model.several:
        return _several(model, scores)
    labels = model.labels
    made: list[dict[str, Any]] = []
    for values, class_id in zip(scores.tolist(), entry.class_ids[some], strict=True):
        if model.regression:
            bins = {"bin": labels[class_id]} if labels else {}
            made.append({"value": values[0], **bins})
            continue
        answer: dict[str, Any] = {"class": labels[class_id], "class_id": class_id}
        if model.probabilities:
            answer["confidence"] = values[class_id]
            answer["probabilities"] = dict(zip(labels, values, strict=True))
        elif len(values) > len(labels):
            answer["score"] = values[-1]
        made.append(answer)
    return made


def _several(model: Model, scores: Scores) -> list[dict[str, Any]]:
    ends = np.cumsum([width for _, width in model.widths]).tolist()
    names = [name for name, _ in model.widths]
    return [
        {
            name: row[end - width : end]
            for name, end, (_, width) in zip(names, ends, model.widths, strict=True)
        }
        for row in scores.tolist()
    ]
