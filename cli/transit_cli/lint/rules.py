"""The CEL rules of the generated schema, evaluated by a real CEL: `common-expression-language`.

What Kubernetes adds to CEL (quantities, `isSorted`, escaped names) is put in here; the strings'
functions come from the library. A rule is evaluated where its part of the resource is otherwise as
the schema says, with numbers typed as the schema types them. Neighbour: `schema`.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import cel
from cel.stdlib import add_stdlib_to_context

from .finding import Path
from .quantity import is_quantity, quantity
from .schema import Schema, Wrong, wrong

# Fields of these names are written with underscores in a rule.
_RESERVED = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for"),
        *("function", "if", "import", "let", "loop", "package", "namespace", "return"),
        *("var", "void", "while"),
    )
)


class NotEvaluated(Exception):
    """A rule that this CEL can't evaluate: a fault of Transit, not of the file."""


def broken(value: Any, schema: Schema, path: Path = ()) -> Iterator[Wrong]:
    """Yield the rules that a value breaks, its parts' first."""
    if value is None:
        return
    for name, inner in schema.get("properties", {}).items():
        if isinstance(value, dict) and name in value:
            yield from broken(value[name], inner, (*path, name))
    others = schema.get("additionalProperties")
    if isinstance(others, dict) and isinstance(value, dict):
        for name, one in value.items():
            yield from broken(one, others, (*path, name))
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from broken(item, schema.get("items", {}), (*path, number))
    rules = schema.get("x-kubernetes-validations", [])
    if rules and not any(text != "unknown field" for _, text in wrong(value, schema)):
        context = _context(_typed(value, schema))
        yield from ((path, rule["message"]) for rule in rules if not _holds(rule["rule"], context))


def _holds(rule: str, context: cel.Context) -> bool:
    try:
        return _compiled(rule).execute(context) is True
    except (ValueError, TypeError, RuntimeError) as error:
        raise NotEvaluated(f"{rule}: {error}") from error


@cache
def _compiled(rule: str) -> cel.Program:
    return cel.compile(rule)


def _context(value: Any) -> cel.Context:
    context = cel.Context(variables={"self": value})
    add_stdlib_to_context(context)
    for name, function in _FUNCTIONS.items():
        context.add_function(name, function)
    return context


def _typed(value: Any, schema: Schema) -> Any:
    """Return a value as CEL shall see it: reserved names escaped, numbers of the schema's type."""
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        found = {}
        for name, inner in value.items():
            if inner is None:
                continue
            below = properties.get(name, others if isinstance(others, dict) else {})
            escaped = f"__{name}__" if name in properties and name in _RESERVED else name
            found[escaped] = _typed(inner, below)
        return found
    if isinstance(value, list):
        return [_typed(item, schema.get("items", {})) for item in value]
    if schema.get("type") == "number" and isinstance(value, int):
        return float(value)
    return value


# Quantities travel through CEL as maps: it has no type of its own for them.
def _make(text: str) -> dict[str, str]:
    return {"quantity": str(quantity(text))}


def _number(of: dict[str, str]) -> Decimal:
    return Decimal(of["quantity"])


def _compare(one: dict[str, str], other: dict[str, str]) -> int:
    a, b = _number(one), _number(other)
    return (a > b) - (a < b)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "quantity": _make,
    "isQuantity": is_quantity,
    "isInteger": lambda of: _number(of) == _number(of).to_integral_value(),
    "isLessThan": lambda one, other: _compare(one, other) < 0,
    "isGreaterThan": lambda one, other: _compare(one, other) > 0,
    "compareTo": _compare,
    "isSorted": lambda items: list(items) == sorted(items),
}
