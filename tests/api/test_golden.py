"""Given the objects of the golden pairs, when they are applied, then the API server takes them.

But for KEDA's, which it doesn't know: `tests/chart/test_schemas.py` holds them against its CRD.
"""

import pytest

from dev.client.kube import Kube
from tests.unit.golden.render import cases, output

KNOWN = [case for case in cases() if "keda.sh/" not in output(case).read_text()]


@pytest.mark.parametrize("case", KNOWN)
def test_takes_every_object(kube: Kube, case: str) -> None:
    text = output(case).read_text().replace("namespace: ml", "namespace: default")
    kube("apply", "--validate=strict", "--dry-run=server", "-f", "-", stdin=text)
