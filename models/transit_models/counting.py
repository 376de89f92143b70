"""Numbers of things in messages: one is said as one. Neighbours: whoever tells people anything."""


def noun(number: float, one: str, many: str = "") -> str:
    """`row` of 1, `rows` of any other number; `many` where an s is not enough."""
    return one if number == 1 else many or f"{one}s"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 row`, `2 rows`."""
    return f"{number} {noun(number, one, many)}"
