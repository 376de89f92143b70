"""Given API keys in a Secret, then they work behind the gateway, and rotate without a restart; and
feedback through the gateway counts, signed by the Secret that the operator made.
"""

import json
from base64 import b64encode
from http.client import HTTPConnection
from urllib.parse import urlsplit

from dev.demo.play.stage import NAME, Stage
from dev.demo.seen.traffic import PATH
from tests.support import Object, eventually

SECRET = "kepler-keys"
OLD, NEW = "the-key-of-the-old-days", "the-key-that-comes-after-it"
FEEDBACK = "/api/v1/feedback"
REQUESTS = 12
# The kubelet looks for changed Secrets about once a minute.
ROTATED_SECONDS = 180.0


def keys(stage: Stage, **named: str) -> None:
    """Apply the Secret with these keys, by client."""
    stage.kube.apply(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": SECRET, "namespace": stage.namespace},
                # Not stringData: `kubectl apply` never takes an entry of that away again.
                "data": {name: b64encode(key.encode()).decode() for name, key in named.items()},
            }
        )
    )


def ask(stage: Stage, key: str | None = None) -> int:
    """One request for a prediction; the status."""
    return send(stage, PATH, stage.bodies[0], key)[0]


def send(stage: Stage, path: str, body: bytes, key: str | None) -> tuple[int, Object]:
    """One request; the status, and the answer."""
    address = urlsplit(stage.kube.gateway)
    connection = HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=15)
    headers = {"Host": stage.host, "Content-Type": "application/json"}
    if key is not None:
        headers["X-API-Key"] = key
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    status, text = response.status, response.read()
    is_json = response.getheader("Content-Type", "").startswith("application/json")
    connection.close()
    return status, json.loads(text) if is_json else {}


def pods(stage: Stage) -> list[Object]:
    """The pods of the ModelDeployment."""
    selector = f"transit.dev/model-deployment={NAME},transit.dev/revision"
    found = stage.kube.find("-n", stage.namespace, "pods", "-l", selector) or {"items": []}
    return list(found["items"])


def predictions(stage: Stage, pod: str) -> float:
    """The pod's count of rows that it predicted."""
    path = f"/api/v1/namespaces/{stage.namespace}/pods/{pod}:8081/proxy/metrics"
    lines = stage.kube("get", "--raw", path).splitlines()
    (line,) = [x for x in lines if x.startswith("predictions_total{") and 'status="success"' in x]
    return float(line.rsplit(" ", 1)[1])


def test_behind_the_gateway(stage: Stage) -> None:
    keys(stage, web=OLD)
    stage.manifest["spec"]["replicas"] = 1
    server = stage.manifest["spec"]["server"]
    server["apiKeys"] = {"secretName": SECRET}
    server["env"] = [{"name": "TRANSIT_ACCESS_LOG", "value": "all"}]
    stage.ask_for("1.0.0")
    stage.until("the first deployment", lambda s: s.get("phase") == "Stable", 120)
    eventually("the gateway leads to a server", lambda: ask(stage) == 401, 20)
    assert ask(stage, "no-key-at-all") == 401

    (pod,) = [p["metadata"]["name"] for p in pods(stage)]
    assert [ask(stage, OLD) for _ in range(REQUESTS)] == [200] * REQUESTS
    assert predictions(stage, pod) == REQUESTS

    _, answer = send(stage, PATH, stage.bodies[0], OLD)
    said, token = answer["prediction"]["class"], answer["prediction"]["feedback_token"]
    told = json.dumps({"feedback_token": token, "label": said}).encode()
    found = [send(stage, FEEDBACK, told, OLD)[1] for _ in range(2)]
    assert [(one["outcome"], one["counted"]) for one in found] == [
        ("correct", True),
        ("correct", False),
    ]

    keys(stage, mobile=NEW)
    eventually("the new key is accepted", lambda: ask(stage, NEW) == 200, ROTATED_SECONDS, 1.0)
    assert send(stage, FEEDBACK, told, NEW)[0] == 403, "the prediction was another client's"
    eventually("the old key is refused", lambda: ask(stage, OLD) == 401, 20)

    (now,) = pods(stage)
    assert now["metadata"]["name"] == pod, "keys are no other revision"
    assert [s["restartCount"] for s in now["status"]["containerStatuses"]] == [0]
    log = stage.kube("-n", stage.namespace, "logs", pod)
    assert '"client":"web"' in log.replace(": ", ":")
    assert token not in log
    assert OLD not in log
    assert NEW not in log
