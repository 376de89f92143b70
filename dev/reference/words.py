"""What all generated pages share: their first lines, and cells of a table."""


def head(title: str, source: str, about: str) -> str:
    """Return the first lines of a page."""
    return f"# {title}\n\nGenerated from {source} by `make reference`. Do not edit. {about}\n"


def cell(words: str) -> str:
    """Return text that stays in its cell, with placeholders that Markdown takes for HTML."""
    return " ".join(words.split()).replace("|", "\\|").replace("<", "&lt;")


def row(*cells: str) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |\n"


def table(*titles: str) -> str:
    """Return the two lines that a table begins with."""
    return row(*titles) + "|" + "---|" * len(titles) + "\n"
