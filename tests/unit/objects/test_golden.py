"""One ModelDeployment in, every object out: the pairs in `golden/`."""

import difflib

import pytest

from tests.unit.golden.render import HERE, cases, output, render


@pytest.mark.parametrize("case", cases())
def test_makes_the_objects_of_the_golden_pair(case: str) -> None:
    kept = output(case).read_text() if output(case).exists() else ""
    difference = "\n".join(
        difflib.unified_diff(
            kept.splitlines(),
            render(case).splitlines(),
            f"output/{case}.yaml",
            "as it is now",
            lineterm="",
        )
    )
    assert not difference, f"if it is meant, run `make golden`:\n{difference}"


def test_every_output_has_its_input() -> None:
    assert sorted(file.stem for file in (HERE / "output").glob("*.yaml")) == cases()
