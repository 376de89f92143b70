"""Kinds of networks as people build and publish them, small and untrained, for `test_keras_kinds`.

A kind is a model of the library itself, rows that it can take, in its own shapes, and what its
author tells `pack`. Random weights do: what is compared are the library's own answers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tf_keras
from tensorflow import keras

RANDOM = np.random.default_rng(16)
AB, ABC = ("--labels", "a,b"), ("--labels", "a,b,c")
NUMBER, ALL = ("--task", "regression"), ("--task", "tensors")
layers = keras.layers


@dataclass(frozen=True)
class Kind:
    """`rows` has an array for each input. `compiled`: served without TensorFlow."""

    model: Any
    rows: tuple[Any, ...]
    told: tuple[str, ...]
    compiled: bool = True
    ending: str = ".keras"


def normal(*shape: int) -> Any:
    return RANDOM.normal(size=(20, *shape)).astype(np.float32)


def tokens(length: int, known: int = 50, dtype: str = "int32") -> Any:
    return RANDOM.integers(0, known, (20, length)).astype(dtype)


def chain(*parts: Any) -> Any:
    return keras.Sequential(list(parts))


def softmax(classes: int) -> Any:
    return layers.Dense(classes, activation="softmax")


def sequential(ending: str = ".keras") -> Kind:
    model = chain(
        layers.Input((4,)), layers.Dense(8, activation="relu"), layers.Dropout(0.5),
        layers.BatchNormalization(), softmax(3),
    )  # fmt: skip
    return Kind(model, (normal(4),), ABC, ending=ending)


def without_input() -> Kind:
    """As tutorials have it: its input is known once it has seen data."""
    model, rows = chain(layers.Dense(8, activation="relu"), softmax(3)), normal(4)
    model(rows)
    return Kind(model, (rows,), ABC)


def functional() -> Kind:
    picture = keras.Input((8, 8, 3))
    once = layers.Conv2D(4, 3, padding="same", activation="relu")(picture)
    twice = layers.Add()([once, layers.Conv2D(4, 3, padding="same")(once)])
    pooled = layers.GlobalAveragePooling2D()(twice)
    return Kind(keras.Model(picture, softmax(2)(pooled)), (normal(8, 8, 3),), AB)


def augmented() -> Kind:
    model = chain(
        layers.Input((6, 6, 1)), layers.RandomFlip(), layers.RandomRotation(0.2),
        layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.Flatten(), softmax(2),
    )  # fmt: skip
    return Kind(model, (RANDOM.uniform(0, 255, (20, 6, 6, 1)).astype(np.float32),), AB)


def normalised() -> Kind:
    prices = RANDOM.normal(1e6, 1e5, (50, 3)).astype(np.float32)
    scale = layers.Normalization()
    scale.adapt(prices)
    return Kind(chain(layers.Input((3,)), scale, layers.Dense(1)), (prices,), NUMBER)


def looked_up() -> Kind:
    city, age = keras.Input((1,), dtype="string", name="city"), keras.Input((1,), name="age")
    place = layers.StringLookup(vocabulary=["Oslo", "Bergen"], output_mode="one_hot")(city)
    model = keras.Model([city, age], softmax(2)(layers.Concatenate()([place, age])))
    cities = np.array([["Oslo"], ["Bergen"], ["Hamar"], ["Oslo"]])
    ages = np.array([[1], [2], [3], [-4]], np.float32)
    return Kind(model, (cities, ages), AB, compiled=False)


def texts(shape: tuple[int, ...]) -> Kind:
    words = layers.TextVectorization(max_tokens=50, output_sequence_length=5)
    words.adapt(["good day", "bad night day", "ok"])
    model = chain(
        layers.Input(shape, dtype="string"), words, layers.Embedding(50, 3),
        layers.GlobalAveragePooling1D(), layers.Dense(1, activation="sigmoid"),
    )  # fmt: skip
    asked = np.array(["good day", "bad ok ok", "nobody knows"])
    return Kind(model, (asked.reshape(3, *shape),), AB, compiled=False)


def recurrent() -> Kind:
    model = chain(layers.Input((None, 2)), layers.LSTM(4), softmax(2))
    return Kind(model, (normal(5, 2),), (*AB, "--features", "10", "--shape", "1,5,2"))


def masked() -> Kind:
    """With zeros after the end of each text."""
    model = chain(
        layers.Input((6,), dtype="int32"), layers.Embedding(50, 4, mask_zero=True),
        layers.GRU(3), layers.Dense(1, activation="sigmoid"),
    )  # fmt: skip
    rows = tokens(6)
    rows[::2, 3:] = 0
    return Kind(model, (rows,), AB)


def embedded(dtype: str) -> Kind:
    """Tokens are whole numbers, also where the input is of floats, as it is by default."""
    model = chain(
        layers.Input((6,), dtype=dtype), layers.Embedding(50, 4), layers.Flatten(), softmax(2)
    )
    return Kind(model, (tokens(6, dtype=dtype),), AB)


def pixels() -> Kind:
    model = chain(
        layers.Input((4, 4, 1), dtype="uint8"), layers.Rescaling(1 / 255), layers.Flatten(),
        softmax(2),
    )  # fmt: skip
    return Kind(model, (RANDOM.integers(0, 256, (20, 4, 4, 1)).astype(np.uint8),), AB)


def attentive() -> Kind:
    words = keras.Input((5, 4))
    seen = layers.MultiHeadAttention(2, 2)(words, words)
    pooled = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(seen + words))
    return Kind(keras.Model(words, softmax(2)(pooled)), (normal(5, 4),), AB)


def in_order(parts: dict[str, Any]) -> list[Any]:
    return list(parts.values())


def two_inputs(made: Callable[[Any], Any] = in_order) -> Kind:
    """By name they have another order."""
    parts = {"width": keras.Input((3,), name="width"), "age": keras.Input((2,), name="age")}
    joined = softmax(2)(layers.Concatenate()(list(parts.values())))
    model = keras.Model(made(parts), joined)
    rows = {"width": normal(3), "age": normal(2)}
    return Kind(model, tuple(rows[item.name] for item in model.inputs), AB, compiled=False)


def two_outputs(made: Callable[[Any], Any] = in_order) -> Kind:
    rows = keras.Input((3,))
    outputs = {
        "size": layers.Dense(1, name="size")(rows),
        "kind": layers.Dense(2, activation="softmax", name="kind")(rows),
    }
    return Kind(keras.Model(rows, made(outputs)), (normal(3),), ALL, compiled=False)


def one_of_a_dict() -> Kind:
    rows = keras.Input((3,), name="rows")
    return Kind(keras.Model({"rows": rows}, {"kind": softmax(2)(rows)}), (normal(3),), AB)


def sigmoids(count: int, told: tuple[str, ...]) -> Kind:
    model = chain(layers.Input((3,)), layers.Dense(count, activation="sigmoid"))
    return Kind(model, (normal(3),), told, compiled="tensors" not in told)


def plain(classes: int, told: tuple[str, ...], activation: Any = None) -> Kind:
    model = chain(layers.Input((3,)), layers.Dense(classes, activation=activation))
    return Kind(model, (normal(3),), told, compiled="tensors" not in told)


def scalar() -> Kind:
    rows = keras.Input((3,))
    return Kind(keras.Model(rows, keras.ops.sum(layers.Dense(3)(rows), axis=-1)), (normal(3),), ())


def open_shape() -> Kind:
    model = chain(
        layers.Input((None, None, 1)), layers.Conv2D(4, 3, activation="relu"),
        layers.GlobalAveragePooling2D(), softmax(3),
    )  # fmt: skip
    told = (*ABC, "--features", "48", "--shape", "1,6,8,1")
    return Kind(model, (normal(6, 8, 1),), told)


def mixed_precision(half: str, last: str) -> Kind:
    policy = keras.mixed_precision.Policy(f"mixed_{half}")
    inner = layers.Dense(8, activation="relu", dtype=policy)
    end = layers.Dense(3, activation="softmax", dtype=last)
    return Kind(chain(layers.Input((3,)), inner, end), (normal(3),), ABC, compiled=False)


def wide() -> Kind:
    """A Unix time, which 32 bits can't hold."""
    time = keras.Input((1,), dtype="float64")
    since = layers.Rescaling(1.0, offset=-1.7e9, dtype="float64")(time)
    model = keras.Model(time, layers.Dense(1, dtype="float64")(since))
    return Kind(model, (1.7e9 + RANDOM.uniform(0, 90, (20, 1)),), NUMBER, compiled=False)


def channels_first() -> Kind:
    model = chain(
        layers.Input((1, 6, 6)), layers.AveragePooling2D(2, data_format="channels_first"),
        layers.Permute((2, 3, 1)), layers.Conv2D(2, 2), layers.Flatten(), softmax(2),
    )  # fmt: skip
    return Kind(model, (normal(1, 6, 6),), AB)


def fixed_batch() -> Kind:
    return Kind(chain(layers.Input(batch_shape=(8, 4)), softmax(3)), (normal(4)[:16],), ABC)


def sequence(told: tuple[str, ...]) -> Kind:
    """One answer for each step."""
    model = chain(layers.Input((5, 2)), softmax(3))
    return Kind(model, (normal(5, 2),), told, compiled=False)


def shared() -> Kind:
    """Two answers of one layer, as states of a recurrent one are: in Keras 3 of one name."""
    rows, pair = keras.Input((4,)), layers.Dense(2)
    return Kind(keras.Model(rows, [pair(rows), pair(-rows)]), (normal(4),), ALL, compiled=False)


def operation() -> Kind:
    """Its last layer gives logits, and what comes after it is none."""
    rows = keras.Input((4,))
    return Kind(keras.Model(rows, keras.ops.softmax(layers.Dense(3)(rows))), (normal(4),), ABC)


def both_ways() -> Kind:
    """Steps of zeros are masked, at the end, in the middle and all of them."""
    steps = keras.Input((6, 2))
    seen = layers.Bidirectional(layers.LSTM(3))(layers.Masking()(steps))
    rows = normal(6, 2)
    rows[::2, 3:], rows[1, 2], rows[3] = 0, 0, 0
    return Kind(keras.Model(steps, softmax(2)(seen)), (rows,), AB)


def own_loss(ending: str) -> Kind:
    """A function of the author's own that only training needs."""
    model = chain(layers.Input((4,)), layers.Dense(1))
    model.compile("adam", loss=lambda right, said: keras.ops.mean(keras.ops.abs(right - said)))
    return Kind(model, (normal(4),), (), ending=ending)


def in_training(library: Any = keras, ending: str = ".keras") -> Kind:
    """Monte Carlo dropout: `predict` of Keras 3 leaves it out, that of Keras 2 does not. So few are
    dropped that rows asked twice would seldom show it.
    """
    rows = library.Input((4,))
    seen = library.layers.Dropout(1e-4)(library.layers.Dense(8)(rows), training=True)
    end = library.layers.Dense(3, activation="softmax")(seen)
    return Kind(library.Model(rows, end), (normal(4),), ABC, ending=ending)


def nested_in_training() -> Kind:
    """By the batch: normalised with its own mean."""
    inner, rows = chain(layers.Input((4,)), layers.BatchNormalization()), keras.Input((4,))
    return Kind(keras.Model(rows, softmax(3)(inner(rows, training=True))), (normal(4),), ABC)


def stateful() -> Kind:
    model = chain(layers.Input(batch_shape=(1, 5, 2)), layers.LSTM(4, stateful=True), softmax(2))
    return Kind(model, (normal(5, 2),), AB)


def code() -> Kind:
    model = chain(layers.Input((3,)), layers.Lambda(lambda x: x * 2), softmax(2))
    return Kind(model, (normal(3),), AB)


def of_another() -> Kind:
    """With a class that is known where the model is saved, and not where it is opened."""

    class OfAnother(layers.Layer):  # type: ignore[name-defined,misc]
        def call(self, rows: Any) -> Any:
            return rows * 2

    return Kind(chain(layers.Input((3,)), OfAnother(), softmax(2)), (normal(3),), AB)


def subclassed() -> Kind:
    class Subclassed(keras.Model):  # type: ignore[misc]
        def __init__(self, **more: Any) -> None:
            super().__init__(**more)
            self.end = softmax(2)

        def call(self, rows: Any) -> Any:
            return self.end(rows)

    model, rows = Subclassed(), normal(3)
    model(rows)
    return Kind(model, (rows,), AB)


SERVED: dict[str, Callable[[], Kind]] = {
    "sequential": sequential,
    "hdf5 under the name .keras": lambda: sequential(".h5 as .keras"),
    "without an input": without_input,
    "functional": functional,
    "augmentation inside": augmented,
    "normalization": normalised,
    "lookup and a number": looked_up,
    "text vectorization": lambda: texts((1,)),
    "text vectorization of scalars": lambda: texts(()),
    "lstm of any length": recurrent,
    "masked tokens": masked,
    "tokens": lambda: embedded("int32"),
    "tokens as floats": lambda: embedded("float32"),
    "pixels": pixels,
    "attention": attentive,
    "two inputs": two_inputs,
    "two inputs by name": lambda: two_inputs(dict),
    "two outputs": two_outputs,
    "two outputs by name": lambda: two_outputs(dict),
    "one input and output by name": one_of_a_dict,
    "one sigmoid": lambda: sigmoids(1, AB),
    "one sigmoid without labels": lambda: sigmoids(1, ()),
    "two sigmoids": lambda: sigmoids(2, ALL),
    "a number": lambda: plain(1, ()),
    "a number without an axis": scalar,
    "several numbers": lambda: plain(3, ALL),
    "an answer for each step": lambda: sequence(ALL),
    "two outputs of one layer": shared,
    "softmax as an operation": operation,
    "both ways, masked": both_ways,
    "a loss of its own": lambda: own_loss(".keras"),
    "a loss of its own in hdf5": lambda: own_loss(".h5"),
    "open shape": open_shape,
    "mixed precision": lambda: mixed_precision("float16", "float32"),
    "float64": wide,
    "channels first": channels_first,
    "fixed batch": fixed_batch,
}

# With what has to be said of them, at the desk or when they are loaded.
REFUSED: dict[str, tuple[Callable[[], Kind], str]] = {
    "two sigmoids with labels": (lambda: sigmoids(2, AB), r"multi-label.*--task tensors"),
    "softmax without labels": (lambda: plain(3, (), "softmax"), r"give --labels in order"),
    "logits": (lambda: plain(3, ABC), r"logits.*end the model with softmax"),
    "one logit": (lambda: plain(1, AB), r"logits.*of one number with sigmoid"),
    "fewer labels than answers": (lambda: plain(3, AB, "softmax"), r"answers 3 .* gets 2"),
    "a class for each step": (lambda: sequence(ABC), r"of the shape \[5, 3\].*--task tensors"),
    "several numbers as one": (lambda: plain(3, NUMBER), r"3 numbers a row.*--task tensors"),
    "open shape unsaid": (
        lambda: Kind(open_shape().model, (normal(6, 8, 1),), ABC),
        r"state the whole shape, with 1 for the batch \(--features and --shape\)",
    ),
    "two outputs with labels": (
        lambda: Kind(two_outputs().model, (normal(3),), AB), r"2 outputs .*--task tensors",
    ),
    "bfloat16": (
        lambda: mixed_precision("bfloat16", "mixed_bfloat16"), r"last layer dtype='float32'",
    ),
    "dropout in training": (in_training, r"layer dropout\S* is called with training=True.*without"),
    "dropout in training, of keras 2": (
        lambda: in_training(tf_keras, ".h5"), r"layer dropout\S* is called with training=True",
    ),
    "normalised by the batch": (nested_in_training, r"layer sequential\S* is called with training"),
    "stateful": (stateful, r"layer lstm\S* is stateful.*stateful=False"),
    "lambda": (code, r"Lambda layer.*model\.export\('model\.onnx', format='onnx'\)"),
    "lambda in hdf5": (
        lambda: Kind(code().model, (), AB, ending=".h5"), r"Lambda layer.*model\.export",
    ),
    "a layer of its own": (of_another, r"needs OfAnother.*model\.export\('model\.onnx'"),
    "a layer of its own in hdf5": (
        lambda: Kind(of_another().model, (), AB, ending=".h5"), r"needs OfAnother.*model\.export",
    ),
    "subclassed": (subclassed, r"needs Subclassed.*model\.export\('model\.onnx'"),
    "weights": (lambda: sequential(".weights.h5"), r"weights alone.*model\.save\('model\.keras'\)"),
}  # fmt: skip
