"""Replaying a rollout by the operator's own rules: the same policy decides what happened.

A world in memory has a rollout; its figures, as Prometheus would give them back, are replayed.
"""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.seen import seen
from tests.unit.scenes import FAILING, R1, R2, against, serving
from tests.unit.world import World, good, spec
from transit_cli.exits import Exit
from transit_cli.main import run
from transit_cli.replay.past import NotReadable, Past, Recorded, load, save
from transit_cli.replay.policy import NotAPolicy, changes_of, spec_with, swept
from transit_cli.replay.simulate import Replayed, replay
from transit_cli.rollout.explaining.timeline import timelines
from transit_operator.core.observed import Readings, Sample

INTERVAL = 15.0


class Recorder:
    """Keeps the figures of a world at each evaluation, as series."""

    def __init__(self) -> None:
        self._points: dict[tuple[str, tuple[tuple[str, str], ...]], list[tuple[float, float]]] = {}

    def take(self, world: World) -> None:
        for revision, readings in ((R2, world.readings.candidate), (R1, world.readings.stable)):
            for query, samples in readings.samples.items():
                for sample in samples:
                    self._put(query, revision, sample, world.now)

    def _put(self, query: str, revision: str, sample: Sample, now: float) -> None:
        own = {"model_deployment": "ml/m", "revision": revision, "namespace": "ml"}
        labels = tuple(sorted({**sample[0], **own}.items()))
        self._points.setdefault((query, labels), []).append((now, sample[1]))

    def series(self) -> dict[str, tuple[Recorded, ...]]:
        found: dict[str, tuple[Recorded, ...]] = {}
        for (query, labels), points in self._points.items():
            one = Recorded(labels=dict(labels), points=tuple(points))
            found[query] = (*found.get(query, ()), one)
        return found


def rolled_out(readings: dict[int, Readings]) -> tuple[Past, World]:
    """Return a rollout whose readings change at some seconds after its start."""
    world, recorder = serving(), Recorder()
    world.now = 1_000_000_020.0
    world.spec = spec("2.0.0")
    world.settle()
    for second in range(0, 400, 5):
        if second in readings:
            world.readings = readings[second]
        if world.now % INTERVAL == 0:
            recorder.take(world)
        world.settle()
        if world.status.candidate is None and second:
            break
        world.now += 5
    for _ in range(3):  # Prometheus goes on for a moment
        world.now += 5
        if world.now % INTERVAL == 0:
            recorder.take(world)
    (one,) = timelines(seen(world))
    assert one.started is not None
    past = Past(
        namespace="ml",
        name="m",
        candidate=R2,
        stable=R1,
        models=({"name": "forest", "version": "2.0.0"},),
        stable_models=({"name": "forest", "version": "1.0.0"},),
        spec=seen(world)["spec"],
        started=one.started,
        ended=one.ended,
        end=one.end,
        message=one.message,
        given={step.at: step.weight for step in one.steps},
        interval=INTERVAL,
        window=300.0,
        namespace_label="namespace",
        series=recorder.series(),
    )
    return past, world


def tried(past: Past, **analysis: Any) -> Replayed:
    changes = {"analysis": analysis} if analysis else {}
    return replay(past, spec_with(past.spec, changes))


GOOD = Readings(candidate=good(), stable=good())
TURNS_BAD = {0: GOOD, 60: against(FAILING)}


def test_the_same_policy_decides_what_happened() -> None:
    for readings in ({0: GOOD}, TURNS_BAD):
        past, world = rolled_out(readings)
        found = tried(past)
        did = [t.reason for t in world.status.history if t.revision == R2]
        would = [t.reason for t in found.transitions if t.revision == R2]
        assert (found.end, found.at) == (past.end, past.ended)
        assert would == [reason for reason in did if reason in would]
        assert list(dict(found.steps).values()) == list(past.given.values())


def test_a_stricter_policy_turns_back_earlier() -> None:
    past, _ = rolled_out({0: against(good(errors=30)), 60: against(FAILING)})
    assert past.end == "Rejected"
    assert past.ended is not None
    found = tried(past, errorRate={"max": 0.02})
    assert found.end == "Rejected"
    assert found.at is not None
    assert found.at < past.ended
    assert "error rate 3.0% over 2.0%" in found.message


def test_a_laxer_policy_goes_on_to_where_the_figures_end() -> None:
    past, _ = rolled_out(TURNS_BAD)
    found = tried(past, errorRate={"max": 0.2})
    assert found.end is None


def test_a_laxer_policy_promotes_what_was_promoted() -> None:
    past, _ = rolled_out({0: GOOD})
    assert past.end == "Promoted"
    assert tried(past, errorRate={"max": 0.2}).end == "Promoted"


def test_candidates_pods_that_were_not_ready_hold_it() -> None:
    past, _ = rolled_out({0: GOOD})
    late = tuple((past.started + n * INTERVAL, 3.0 if n > 2 else 0.0) for n in range(-1, 40))
    ready = (Recorded(labels={"revision": R2}, points=late),)
    found = replay(past.model_copy(update={"ready": ready}), spec_with(past.spec, {}))
    assert found.steps[0][0] > tried(past).steps[0][0]


def test_a_sweep_has_its_values() -> None:
    found = list(swept("errorRate.max=0.01:0.10"))
    assert [value for value, _ in found][:3] == ["0.01", "0.02", "0.03"]
    assert found[-1] == ("0.1", {"analysis": {"errorRate": {"max": 0.1}}})
    samples = list(swept("minSamples=100:300:3"))
    assert samples[1] == ("200", {"analysis": {"minSamples": 200}})
    for wrong in (
        "errorRate.max",
        "=1:2",
        "errorRate.max=a:b",
        "errorRate.max=1:2:1",
        "errorRate.max=nan:1",
        "errorRate.max=0:inf",
        "errorRate.max=0:1:1000000000",
    ):
        with pytest.raises(NotAPolicy):
            list(swept(wrong))


@pytest.mark.parametrize(
    "text",
    [
        "spec: {rollout: {analysis: {errorRate: {max: 0.02}}}}",
        "rollout: {analysis: {errorRate: {max: 0.02}}}",
        "analysis: {errorRate: {max: 0.02}}",
    ],
)
def test_a_policy_is_a_resource_or_a_part_of_one(text: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    base = seen(serving())["spec"]
    changed = spec_with(base, changes_of(file)).rollout
    assert changed.analysis.error_rate is not None
    assert changed.analysis.error_rate.max == 0.02
    assert [step.weight for step in changed.steps] == [10, 50, 100]  # what it doesn't say stays


def test_what_is_no_policy_is_said(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    for text in ("[]", "{}", "rollout: [", "spec: {}", "spec: [1]", "spec: text", "rollout: 5"):
        file.write_text(text)
        with pytest.raises(NotAPolicy):
            changes_of(file)
    with pytest.raises(NotAPolicy, match=r"spec\.rollout\.analysis\.errorRate\.max"):
        spec_with(seen(serving())["spec"], {"analysis": {"errorRate": {"max": "much"}}})


def test_saved_rollouts_are_replayed_without_a_cluster(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], no_cluster: None
) -> None:
    past, _ = rolled_out(TURNS_BAD)
    file = tmp_path / "rollouts.json"
    save([past], file)
    assert load(file) == [past]
    assert run(["replay", "--data", str(file)]) == Exit.DONE
    text = capsys.readouterr().out
    assert text.count("ErrorRate at") == 2  # what it did, and what it would do
    assert run(["replay", "--data", str(file), "--sweep", "errorRate.max=0.01:0.10"]) == Exit.DONE
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 11
    assert "goes on" in rows[-1]
    policy = tmp_path / "policy.yaml"
    policy.write_text("analysis: {window: 10m}")
    assert run(["replay", "--data", str(file), "--policy", str(policy)]) == Exit.FAILED
    assert "another interval or window" in capsys.readouterr().err


def test_what_is_not_saved_by_it_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "rollouts.json"
    for text in ("", "{}", '{"format": 99, "rollouts": []}'):
        file.write_text(text)
        with pytest.raises(NotReadable):
            load(file)
    save([rolled_out({0: GOOD})[0]], file)
    whole = json.loads(file.read_text())
    for key, value in (
        ("interval", 0),
        ("window", -1),
        ("started", math.nan),
        ("interval", math.inf),
    ):
        (rollout,) = whole["rollouts"]
        file.write_text(json.dumps({**whole, "rollouts": [{**rollout, key: value}]}))
        with pytest.raises(NotReadable):
            load(file)


def test_neither_name_nor_data_is_a_wrong_command_line(no_cluster: None) -> None:
    assert run(["replay"]) == Exit.USAGE


def test_a_replay_leaves_what_it_replays() -> None:
    past, _ = rolled_out({0: GOOD})
    before = past.model_dump()
    tried(past)
    assert past.model_dump() == before
    assert dataclasses.is_dataclass(Replayed)
