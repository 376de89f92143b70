"""The documentation is right: examples are taken, and what it names is there.

Links are `dev.site`'s to follow; commands, metrics and settings are generated.
"""

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

from dev.chart import values
from transit_cli.lint.documents import documents
from transit_cli.lint.lint import errors
from transit_cli.lint.schema import bundled
from transit_operator.api.config.operator import OperatorConfig

REPOSITORY = Path(__file__).parents[3]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
SECURITY = REPOSITORY / "docs/concepts/security.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
BLOCK = re.compile(r"^( *)```yaml\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
SCHEMA = bundled()

# Decisions are of their day, and pages about moving name fields of others.
OF_TODAY = [page for page in PAGES if not {"decisions", "moving"} & set(page.parts)]
FOLDERS = "benchmarks|charts|cli|crds|deploy|dev|docs|models|operator|registry|server|tests"
NAMED_FILE = re.compile(rf"`((?:{FOLDERS})/[\w./-]*\w)`")
NAMED_TARGET = re.compile(r"(?:`|^ *)make ([a-z][a-z0-9-]*)", re.MULTILINE)
NAMED_FIELD = re.compile(r"`((?:spec|status)(?:\.[a-z]\w*)+)\b")
OF_OTHERS = {"status.parents"}  # an HTTPRoute's
VALUES = values.read(REPOSITORY / "charts/transit/values.yaml")
GROUPS = "|".join(value.name for value in VALUES if value.group and "." not in value.name)
NAMED_VALUE = re.compile(rf"`((?:{GROUPS})(?:\.[a-zA-Z]\w*)+)\b")
CODE = re.compile(r"^( *)```.*?^\1```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def examples() -> list[Any]:
    return [
        pytest.param(dedent(text), id=f"{page.relative_to(REPOSITORY)}-{number}")
        for page in PAGES
        for number, (_, text) in enumerate(BLOCK.findall(page.read_text()))
    ]


@pytest.mark.parametrize("text", examples())
def test_an_example_is_accepted(text: str) -> None:
    for document in documents(text):
        assert errors(document, SCHEMA, "page") == []
    for value in yaml.safe_load_all(text):
        if isinstance(value, dict) and "config" in value:
            OperatorConfig.model_validate(value["config"])


def test_some_are_modeldeployments() -> None:
    texts = [case.values[0] for case in examples()]
    found = [one for text in texts for one in yaml.safe_load_all(text)]
    assert sum(one.get("kind") == "ModelDeployment" for one in found if isinstance(one, dict)) >= 8


def test_the_tests_that_hold_the_threat_model_are_there() -> None:
    named = TEST.findall(SECURITY.read_text())
    assert len(named) > 30
    for file, name in named:
        assert f"def {name}" in (REPOSITORY / file).read_text()


def said(pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    """Each page and what it names so, in code."""
    return [
        (str(page.relative_to(REPOSITORY)), name)
        for page in OF_TODAY
        for code in CODE.finditer(page.read_text())
        for name in pattern.findall(code[0])
    ]


def has_field(schema: dict[str, Any], path: list[str]) -> bool:
    inner = schema.get("items", schema)
    if not path or "properties" not in inner:
        return True
    field = inner["properties"].get(path[0])
    if field is None:
        return bool(inner.get("x-kubernetes-preserve-unknown-fields"))
    return has_field(field, path[1:])


def test_the_files_that_it_names_are_there() -> None:
    named = said(NAMED_FILE)
    assert len(named) > 50
    assert [one for one in named if not (REPOSITORY / one[1]).exists()] == []


def test_the_targets_that_it_names_are_there() -> None:
    targets = set(
        re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    )
    named = said(NAMED_TARGET)
    assert len(named) > 10
    assert [one for one in named if one[1] not in targets] == []


def test_the_fields_that_it_names_are_there() -> None:
    named = [one for one in said(NAMED_FIELD) if one[1] not in OF_OTHERS]
    assert len(named) > 50
    assert [one for one in named if not has_field(SCHEMA, one[1].split("."))] == []


def test_the_values_of_the_chart_that_it_names_are_there() -> None:
    named = said(NAMED_VALUE)
    assert len(named) > 50
    known = {value.name for value in VALUES}
    # Of what anybody may name, as pools are.
    beginnings = tuple(f"{value.name}." for value in VALUES if not value.group)
    assert [one for one in named if one[1] not in known and not one[1].startswith(beginnings)] == []
