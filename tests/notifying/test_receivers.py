"""What real receivers get: by Apprise over HTTP and SMTP, and as CloudEvents."""

import json
from pathlib import Path

from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

from tests.notifying.leading import Process, Stage, until
from tests.notifying.receivers import http, mail
from tests.unit.scenes import R1, R2, SLOW, V1, V2, against, run_until_weight, update
from tests.unit.told import Told
from tests.unit.world import digest

NUMBERS = "Latency: latency 2.10x over 2x: p95 21 ms against 10 ms of stable (1000 requests in 5m)"


def serve(stage: Stage, process: Process) -> Told:
    """A ModelDeployment whose 1.0.0 serves."""
    stage.world = world = Told(process.notifying)
    world.settle()
    return world


def promote(world: Told, version: str = V2) -> None:
    update(world, version)
    world.run(300)
    assert world.status.candidate is None


def turn_back(world: Told) -> None:
    update(world, V2)
    run_until_weight(world, 10)
    world.readings = against(SLOW)
    world.run(120)
    assert world.status.rejected is not None


async def test_a_webhook_hears_of_a_rollback(tmp_path: Path) -> None:
    async with http() as receiver:
        stage = Stage(tmp_path, {"one": {"url": f"json://127.0.0.1:{receiver.port}/secret"}})
        async with stage.leading() as process:
            turn_back(serve(stage, process))
            await until(lambda: not process.waiting())
            assert process.counted("notifications_sent") == 2
            assert process.counted("notification_failures") == 0
    rejected, back = receiver.taken
    assert rejected["title"] == "[test] ml/kepler: forest 2.0.0 is rejected"
    assert rejected["type"] == "failure"
    assert rejected["message"].splitlines()[:3] == [
        NUMBERS,
        "",
        "More: transit why kepler -n ml",
    ]
    assert back["title"] == "[test] ml/kepler: rolled back to forest 1.0.0"
    assert back["message"].splitlines()[:2] == [f"all traffic is with {R1} (forest 1.0.0)", NUMBERS]


async def test_a_program_gets_cloud_events(tmp_path: Path) -> None:
    async with http() as receiver:
        url = f"http://user:pass@127.0.0.1:{receiver.port}/broker"
        stage = Stage(tmp_path, {"one": {"url": url, "kind": "CloudEvents"}})
        async with stage.leading() as process:
            promote(serve(stage, process))
            await until(lambda: receiver.taken)
    assert receiver.authorized == {"Basic dXNlcjpwYXNz"}
    [(content_type, body)] = receiver.tried
    message = HTTPMessage({"content-type": content_type}, json.dumps(body).encode())
    event = from_structured_event(message)  # the project's own library: it checks the attributes
    assert event.get_specversion() == "1.0"
    assert event.get_type() == "dev.transit.modeldeployment.promoted"
    assert event.get_source() == (
        "/apis/transit.dev/v1alpha1/namespaces/ml/modeldeployments/kepler"
    )
    assert event.get_subject() == "ml/kepler"
    assert event.get_time() is not None
    data = event.get_data()
    assert isinstance(data, dict)
    assert {key: data[key] for key in ("reason", "revision", "models", "before", "command")} == {
        "reason": "Promoted",
        "revision": R2,
        "models": [{"name": "forest", "version": V2, "digest": digest("forest", V2)}],
        "before": [{"name": "forest", "version": V1, "digest": digest("forest", V1)}],
        "command": "transit why kepler -n ml",
    }
    assert "errorRate: " in data["text"], "a promotion has the numbers that it rests on"


async def test_mail_is_sent_and_sent_again(tmp_path: Path) -> None:
    async with mail() as receiver:
        where = f"127.0.0.1:{receiver.port}?from=transit@example.com&to=team@example.com"
        stage = Stage(tmp_path, {"one": {"url": f"mailto://{where}", "reasons": ["Rejected"]}})
        async with stage.leading() as process:
            receiver.code = "451 come back later"
            turn_back(serve(stage, process))
            await until(lambda: receiver.tried >= 2)
            receiver.code = "250 taken"
            await until(lambda: receiver.taken)
            await until(lambda: not process.waiting())
    [letter] = receiver.taken
    assert "forest 2.0.0 is rejected" in str(letter["Subject"])
    text = "".join(
        payload.decode()
        for part in letter.walk()
        if isinstance(payload := part.get_payload(decode=True), bytes)
    )
    assert "p95 21 ms against 10 ms of stable" in text
    assert "transit why kepler -n ml" in text
