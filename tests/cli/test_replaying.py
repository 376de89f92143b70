"""`transit replay` of rollouts that have just happened: the same policy decides the same."""

import json
from pathlib import Path

from tests.command_line import Cli
from tests.scenarios.scene import Scene


def test_the_very_transitions_that_happened(scene: Scene, transit: Cli, tmp_path: Path) -> None:
    scene.serving()
    good = scene.roll_out("1.1.0")
    scene.until_stable(good)
    bad = scene.roll_out("1.2.0", errors=0.2)
    scene.until_rejected(bad, "ErrorRate")
    file = tmp_path / "rollouts.json"
    (found,) = transit.data("replay", "m", "--save", str(file))
    ends = [(one["revision"], one["did"]["end"], one["would"]["end"]) for one in found["rollouts"]]
    assert ends == [(good, "Promoted", "Promoted"), (bad, "Rejected", "Rejected")]
    for one in found["rollouts"]:
        steps = [step["weight"] for step in one["would"]["steps"]]
        assert steps == scene.given_weights(one["revision"])
    assert found["rollouts"][1]["would"]["message"].startswith("ErrorRate: error rate 20.0%")
    rows = json.loads(
        transit(
            *("replay", "--data", str(file), "--sweep", "errorRate.max=0.05:0.45:3", "-o", "json")
        ).stdout
    )
    would = [row["rollouts"][1]["would"]["end"] for row in rows]
    assert would == ["Rejected", None, None]  # with 25 % and 45 % allowed it would have gone on
