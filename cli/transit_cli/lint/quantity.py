"""Quantities of Kubernetes (`500m`, `1Gi`, `1e9`), as its CEL library has them."""

import re
from decimal import Decimal

_TEXT = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(.*)")
_SUFFIXES = {"": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3")}
_SUFFIXES |= {name: Decimal(10) ** (3 * n) for n, name in enumerate("kMGTPE", 1)}
_SUFFIXES |= {f"{name}i": Decimal(1024) ** n for n, name in enumerate("KMGTPE", 1)}


def quantity(text: str) -> Decimal:
    """Return the number. Raises: ValueError."""
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no quantity")
    number, suffix = found.groups()
    if re.fullmatch(r"[eE][+-]?[0-9]+", suffix):
        return Decimal(number) * Decimal(10) ** int(suffix[1:])
    if suffix not in _SUFFIXES:
        raise ValueError(f"{text!r} has an unknown unit")
    return Decimal(number) * _SUFFIXES[suffix]


def is_quantity(text: object) -> bool:
    """Tell whether it is one."""
    try:
        quantity(str(text))
    except ValueError:
        return False
    return isinstance(text, str)
