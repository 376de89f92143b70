"""The documentation is right: examples are taken, the tests that it names are there."""

import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml

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
