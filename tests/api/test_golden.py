"""Given the objects of the golden pairs, when they are applied, then the API server takes them."""

import pytest

from dev.demo.kube import Kube
from tests.unit.golden.render import cases, output


@pytest.mark.parametrize("case", cases())
def test_takes_every_object(kube: Kube, case: str) -> None:
    text = output(case).read_text().replace("namespace: ml", "namespace: default")
    kube("apply", "--validate=strict", "--dry-run=server", "-f", "-", stdin=text)
