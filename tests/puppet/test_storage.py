"""The puppet's image answers the operator's look-up as the real command does. No cluster."""

import json
import subprocess
import sys
from pathlib import Path

from tests.puppet import storage
from tests.unit.world import spec
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.api.status import Pins
from transit_operator.core.objects.build import Owner
from transit_operator.core.objects.resolver import answer, resolver_pod
from transit_operator.core.times import epoch


def test_answers_what_the_operator_asks(tmp_path: Path) -> None:
    asked = spec(models=[{"name": "a", "version": "latest"}, {"name": "b", "version": "2.0.0"}])
    pod = resolver_pod(Owner("ml", "m", "u"), asked, OperatorConfig(), "m-resolve")
    arguments = pod["spec"]["containers"][0]["args"]
    place, message = arguments.index("--output") + 1, tmp_path / "message"
    arguments = [*arguments[:place], str(message), *arguments[place + 1 :]]
    subprocess.run([sys.executable, storage.__file__, *arguments], check=True)
    assert json.loads(message.read_text())[1] == storage.resolved("b@2.0.0")
    made = "2026-11-27T00:00:00Z"
    pod["metadata"]["creationTimestamp"] = made
    ended = {"exitCode": 0, "reason": "Completed", "message": message.read_text()}
    pod["status"] = {"containerStatuses": [{"name": "resolver", "state": {"terminated": ended}}]}
    found = answer(pod, asked, {}, epoch(made))
    assert isinstance(found, Pins)
    assert [model.version for model in found.models] == ["1.0.0", "2.0.0"]
