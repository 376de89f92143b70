"""JSON schemas and examples for the OpenAPI document, made from the very types that decode and
encode.
"""

import math
from typing import Any

import msgspec

from transit_server.api import feedback, guide_answers
from transit_server.api.guide_requests import Voting
from transit_server.api.v2 import tensors

Schema = dict[str, Any]

OBJECT: Schema = {"type": "object"}


def _schema(of: Any) -> Schema:
    """The schema of a msgspec type, with every reference resolved in place."""
    (schema,), components = msgspec.json.schema_components([of], ref_template="#/{name}")

    def resolved(node: Any) -> Any:
        if isinstance(node, dict):
            if set(node) == {"$ref"}:
                return resolved(components[node["$ref"].removeprefix("#/")])
            return {key: resolved(value) for key, value in node.items()}
        return [resolved(item) for item in node] if isinstance(node, list) else node

    result = resolved(schema)
    assert isinstance(result, dict)
    return result


_CURVE = [1.0, 0.9998, 0.9871]
# The largest number that becomes a finite 32-bit float when it is rounded to one.
_LARGEST = math.nextafter(2.0**128 - 2.0**103, 0.0)
_ROW: Schema = {
    "type": "array",
    "items": {"type": "number", "minimum": -_LARGEST, "maximum": _LARGEST},
}
_CHOICES: Schema = {
    "model": {
        "type": "string",
        "default": "auto",
        "description": "A model's name, auto (the default model), or ensemble",
    },
    "return_probabilities": {"type": "boolean", "default": True},
    "return_all_models": {
        "type": "boolean",
        "default": False,
        "description": "Ask every model, and compare",
    },
    "voting": {"enum": list(Voting.__args__), "default": "soft"},  # type: ignore[attr-defined]
}

PREDICT: Schema = {
    "type": "object",
    "required": ["features"],
    "additionalProperties": False,
    "properties": {
        "features": {**_ROW, "description": "As many finite numbers as the model has features"},
        **_CHOICES,
    },
}
PREDICT_EXAMPLE = {
    "features": _CURVE,
    "model": "auto",
    "return_probabilities": True,
    "return_all_models": False,
}
PREDICT_BY: Schema = {
    **PREDICT,
    "properties": {
        **PREDICT["properties"],
        "model": {"enum": ["auto"], "default": "auto", "description": "The path says which"},
        "return_all_models": {"enum": [False], "default": False},
    },
}
PREDICT_BY_EXAMPLE = {"features": _CURVE, "return_probabilities": True}
BATCH: Schema = {
    **PREDICT,
    "properties": {
        "features": {"type": "array", "items": _ROW, "minItems": 1, "description": "Rows"},
        **_CHOICES,
    },
}
BATCH_EXAMPLE = {"features": [_CURVE, _CURVE], "model": "auto"}

PREDICT_ANSWER = _schema(guide_answers.PredictAnswer)
VALUE_ANSWER = _schema(guide_answers.ValueAnswer)
LABEL_ANSWER = _schema(guide_answers.LabelAnswer)
COMPARISON_ANSWER = _schema(guide_answers.ComparisonAnswer)
BATCH_ANSWER: Schema = {
    "type": "object",
    "required": ["predictions", "failed", "model", "metadata"],
    "properties": {
        "predictions": {
            "type": "array",
            "items": {
                "anyOf": [
                    _schema(guide_answers.Outcome),
                    _schema(guide_answers.ValueOutcome),
                    _schema(guide_answers.LabelOutcome),
                    _schema(guide_answers.Comparison),
                    _schema(guide_answers.FailedRow),
                ]
            },
        },
        "failed": {"type": "integer"},
        "model": _schema(guide_answers.AnsweredBy),
        "metadata": _schema(guide_answers.About),
    },
}

_TOKEN = (
    "5FmA2cpT9w3vVYpyH0kXhpjNUVUIAAECAwQFBgcAqjdmOWM0ZDJiMWGpa2VyYXNfY25upTEuMC4woKlDT05GSVJNRUQ"
)
_OUTCOME = {
    "class": "CONFIRMED",
    "class_id": 0,
    "confidence": 0.92,
    "probabilities": {"CONFIRMED": 0.92, "CANDIDATE": 0.05, "FALSE_POSITIVE": 0.03},
    "feedback_token": _TOKEN,
}
_BY = {"name": "keras_cnn", "version": "1.0.0", "revision": "7f9c4d2b1a", "latency_ms": 1.42}
_ABOUT = {"timestamp": "2025-10-05T12:00:00.000Z", "request_id": "req_abc123"}
PREDICT_ANSWER_EXAMPLE = {"prediction": _OUTCOME, "model": _BY, "metadata": _ABOUT}
BATCH_ANSWER_EXAMPLE = {
    "predictions": [_OUTCOME, _OUTCOME],
    "failed": 0,
    "model": _BY,
    "metadata": _ABOUT,
}

FEEDBACK: Schema = _schema(feedback.FeedbackBody)
FEEDBACK_EXAMPLE = {"feedback_token": _TOKEN, "label": "CONFIRMED"}
FEEDBACK_ANSWER = _schema(feedback.FeedbackAnswer)
FEEDBACK_ANSWER_EXAMPLE = {
    "outcome": "wrong",
    "counted": True,
    "model": {"name": "keras_cnn", "version": "1.0.0", "revision": "7f9c4d2b1a"},
}

ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "field"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "field": {"type": ["string", "null"]},
            },
        }
    },
}
ERROR_EXAMPLE = {
    "error": {
        "code": "invalid_input",
        "message": "needs 784 numbers, got 3",
        "field": "features",
    }
}
MODELS_EXAMPLE = {
    "models": [{"name": "keras_cnn", "version": "1.0.0", "ready": True}],
    "default": "keras_cnn",
    "model_deployment": "ml/kepler",
    "revision": "7f9c4d2b1a",
}
INFO_EXAMPLE = {
    "name": "keras_cnn",
    "version": "1.0.0",
    "ready": True,
    "engine": "tensorflow",
    "device": "cpu",
    "features": 784,
    "labels": ["CONFIRMED", "CANDIDATE", "FALSE_POSITIVE"],
    "metadata": {"framework": "tensorflow", "performance": {"accuracy": 0.92}},
}

V2_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}},
}
V2_ERROR_EXAMPLE = {"error": "inputs[0].shape: shape [1, 3] is not [rows, 784]"}
V2_SERVER_EXAMPLE = {
    "name": "transit",
    "version": "0.1.0",
    "extensions": ["binary_tensor_data"],
}
_TENSOR: Schema = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "datatype": {"type": "string"},
        "parameters": {"type": "object"},
        "data": {"type": "array", "items": {}},
    },
}
_INPUT: Schema = {
    **_TENSOR,
    "properties": {
        **_TENSOR["properties"],
        "name": {"type": "string"},
        "shape": {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": 2**31},
            "minItems": 1,
            "maxItems": 8,
            "description": "[rows, features]",
        },
        "datatype": {"enum": list(tensors.DTYPES)},
    },
}
INFER: Schema = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string", "maxLength": 1000},
        "parameters": {
            "type": "object",
            "properties": {
                "feedback": {
                    "type": "boolean",
                    "default": False,
                    "description": "Have a token for feedback with each row",
                },
            },
        },
        "inputs": {"type": "array", "items": _INPUT, "minItems": 1, "maxItems": 1},
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"enum": ["probabilities", "class_id", "class", "value"]},
                    "parameters": {"type": "object"},
                },
            },
        },
    },
}
INFER_EXAMPLE = {
    "id": "42",
    "inputs": [{"name": "features", "shape": [1, 3], "datatype": "FP32", "data": _CURVE}],
}
INFER_ANSWER: Schema = {
    "type": "object",
    "required": ["model_name", "model_version", "outputs"],
    "properties": {
        "id": {"type": "string"},
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "parameters": {
            "type": "object",
            "properties": {
                "revision": {"type": "string"},
                "feedback_tokens": {
                    "type": "string",
                    "description": "One for each row, a space between two; if asked for",
                },
            },
        },
        "outputs": {"type": "array", "items": _TENSOR},
    },
}
INFER_ANSWER_EXAMPLE = {
    "id": "42",
    "model_name": "keras_cnn",
    "model_version": "1.0.0",
    "parameters": {"revision": "7f9c4d2b1a"},
    "outputs": [
        {
            "name": "probabilities",
            "datatype": "FP32",
            "shape": [1, 3],
            "data": [0.92, 0.05, 0.03],
        },
        {"name": "class_id", "datatype": "INT64", "shape": [1], "data": [0]},
        {"name": "class", "datatype": "BYTES", "shape": [1], "data": ["CONFIRMED"]},
    ],
}
