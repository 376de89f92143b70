"""Odd bodies of the v2 protocol are answered as they ever were, word for word."""

from collections.abc import Iterator

import pytest

from tests.server.api import v2_cases, v2_models
from tests.server.running import RunningServer


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with v2_models.server(tmp_path_factory.mktemp("odd")) as running:
        yield running


@pytest.mark.parametrize("name", v2_cases.CASES)
def test_the_same_answer(odd: RunningServer, name: str) -> None:
    assert v2_cases.CASES[name].asked(odd.client) == v2_cases.golden()[name]


def test_every_answer_has_its_question() -> None:
    assert list(v2_cases.golden()) == list(v2_cases.CASES)
