"""Feedback on what was really predicted, by whom it was predicted for, once: two real servers that
have one key, as two pods of two revisions have, and what hostile clients send them.
"""

import base64
import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.example_store import LABELS, Data
from tests.server.running import FEEDBACK_KEY, RunningServer
from transit_server.api.feedback_tokens import Recipient, Signer
from transit_server.errors import InvalidInput

from .pods import CANDIDATE, DAY, MOBILE, STABLE, WEB, Pods, made, other, predicted, row


def scraped(server: RunningServer) -> list[str]:
    """What Prometheus gets; it has come to an end when the loop of the requests knows of it."""
    lines = server.probes.get("/metrics").text.splitlines()
    assert server.client.get("/health").status_code == 200
    return lines


@pytest.fixture(scope="module")
def pods(
    store: Path, tmp_path_factory: pytest.TempPathFactory, feedback_key_file: str
) -> Iterator[Pods]:
    settings = {
        "feedback_key_file": feedback_key_file,
        "api_keys": f"web={WEB}\nmobile={MOBILE}",
        "default_model": "ensemble",
        "access_log": "all",
    }
    models = {"random_forest": "1.0.0", "xgboost": "1.0.0"}
    first, second = (tmp_path_factory.mktemp(name) for name in ("stable", "candidate"))
    with (
        RunningServer(store, first, models, TRANSIT_REVISION=STABLE, **settings) as stable,
        RunningServer(store, second, models, TRANSIT_REVISION=CANDIDATE, **settings) as candidate,
    ):
        for server in (stable, candidate):
            server.client.headers["X-API-Key"] = WEB
            server.until_ready()
        yield Pods(stable, candidate)


def test_a_label_is_counted_once_under_the_revision_that_predicted(pods: Pods, data: Data) -> None:
    before = pods.counted()
    for index in range(5):
        token, said = predicted(pods.stable, data, index)
        label = said if index < 3 else other(said)
        got = pods.tell(pods.stable, token, label)
        assert got.json() == {
            "outcome": "correct" if index < 3 else "wrong",
            "counted": True,
            "model": {"name": "xgboost", "version": "1.0.0", "revision": STABLE},
        }
        for again in (label, other(label)):  # whatever is said of it the second time
            assert pods.tell(pods.stable, token, again).json()["counted"] is False
    own = (STABLE, "xgboost", "1.0.0")
    assert pods.gained(before) == {(*own, "correct"): 3, (*own, "wrong"): 2}


def test_any_pod_counts_and_the_series_is_seen_at_0_first(pods: Pods, data: Data) -> None:
    """As behind a Service: the pod that hears it is of the other revision."""
    before = pods.counted()
    for index in range(3):
        token, said = predicted(pods.candidate, data, index, model="random_forest")
        got = pods.tell(pods.stable, token, said)
        assert (got.json()["outcome"], got.json()["model"]["revision"]) == ("correct", CANDIDATE)
    name = 'model="random_forest",model_deployment="ml/kepler",outcome="correct",'
    name += f'revision="{CANDIDATE}"'
    seen = [
        line.rpartition(" ")[2]
        for _ in range(2)
        for line in scraped(pods.stable)
        if line.startswith("prediction_feedback_total{") and name in line
    ]
    assert seen == ["0.0", "3.0"]
    assert pods.gained(before) == {(CANDIDATE, "random_forest", "1.0.0", "correct"): 3}


def test_a_token_that_is_played_again_counts_once_for_each_pod_and_no_more(
    pods: Pods, data: Data
) -> None:
    before = pods.counted()
    token, said = predicted(pods.stable, data)
    for _ in range(50):
        for server in (pods.stable, pods.candidate):
            assert pods.tell(server, token, other(said)).status_code == 200
    assert pods.gained(before) == {(STABLE, "xgboost", "1.0.0", "wrong"): 2}


def test_the_same_token_spelt_otherwise_is_the_same(pods: Pods) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = next(t for size in range(1, 4) if len(t := made(predicted=LABELS[0] * size)) % 4 == 2)
    spelt = token[:-1] + letters[letters.index(token[-1]) ^ 1]  # the last bits are nothing's
    told = [pods.tell(pods.candidate, text, LABELS[0]).json() for text in (token, spelt)]
    assert [one["counted"] for one in told] == [True, False]


def test_forged_tokens_are_refused(pods: Pods, data: Data) -> None:
    before = pods.counted()
    token, _ = predicted(pods.stable, data)
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    changed = [
        base64.urlsafe_b64encode(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        .rstrip(b"=")
        .decode()
        for place in range(len(raw))
    ]
    forged = [
        *changed,
        token[:-8],
        token + "AAAA",
        token.swapcase(),
        "A",
        "A" * 22,  # a tag, and nothing that it is of
        "A" * 10_000,
        made(key=bytes(32)),
        made(deployment="other/kepler"),
    ]
    for text in forged:
        got = pods.tell(pods.stable, text, LABELS[0])
        assert (got.status_code, got.json()["error"]["field"]) == (422, "feedback_token"), text
    assert pods.gained(before) == {}


def test_what_was_predicted_can_not_be_claimed(pods: Pods, data: Data) -> None:
    """The ways that there were: by the id of a request, or by the client's own word."""
    before = pods.counted()
    answer = pods.stable.predict(row(data), model="xgboost").json()
    claims: list[dict[str, Any]] = [
        {"request_id": answer["metadata"]["request_id"]},
        {"prediction": answer["prediction"]["class"], "model": answer["model"]},
        {"prediction": "zzz", "model": {**answer["model"], "version": "9.9.9"}},
        {"feedback_token": made(), "request_id": answer["metadata"]["request_id"]},
        {"feedback_token": ""},
        {"feedback_token": None},
        {},
    ]
    for claim in claims:
        body = {"label": LABELS[0], **claim}
        assert pods.stable.client.post("/api/v1/feedback", json=body).status_code == 422, claim
    assert pods.gained(before) == {}


def test_another_clients_token_is_refused_and_stays_good_for_its_own(
    pods: Pods, data: Data
) -> None:
    before = pods.counted()
    token, said = predicted(pods.stable, data)
    got = pods.tell(pods.stable, token, other(said), key=MOBILE)
    assert (got.status_code, got.json()["error"]["code"]) == (403, "not_yours")
    assert "outcome" not in got.json(), "it tells nothing of another client's prediction"
    assert pods.gained(before) == {}
    assert pods.tell(pods.stable, token, said).json()["counted"] is True


def test_late_labels_are_taken_for_some_days(pods: Pods) -> None:
    before = pods.counted()
    for age in (1, 29):
        got = pods.tell(pods.stable, made(age=age), LABELS[0])
        assert got.json()["counted"] is True, f"{age} days"
    for age, why in ((32, "too old: labels are taken for 30 days"), (-3, "clocks")):
        got = pods.tell(pods.stable, made(age=age), LABELS[0])
        assert (got.status_code, got.json()["error"]["field"]) == (422, "feedback_token")
        assert why in got.json()["error"]["message"]
    assert pods.gained(before) == {(STABLE, "xgboost", "1.0.0", "correct"): 2}


def test_which_days_are_taken() -> None:
    noon = 20_000 * DAY + DAY // 2
    now = Signer(FEEDBACK_KEY, "ml/kepler", STABLE, 30, lambda: noon)

    def is_good(days: float) -> bool:
        then = Signer(FEEDBACK_KEY, "ml/kepler", STABLE, 30, lambda: noon + days * DAY)
        token = then.sign(Recipient(bytes(8), "web"), 0, "xgboost", "1.0.0", LABELS[0])
        try:
            claims, _ = now.read(token)
        except InvalidInput:
            return False
        return claims.day == 20_000 + math.floor(days + 0.5)

    taken = {days: is_good(days) for days in (-30.6, -30.4, -1.0, 0.0, 0.6, 1.4, 1.6)}
    assert taken == {-30.6: False, -30.4: True, -1.0: True, 0.0: True, 0.6: True, 1.4: True,
                     1.6: False}  # fmt: skip


def test_ids_can_not_be_guessed(pods: Pods, data: Data) -> None:
    """With one's own id and its neighbours another client's predictions could once be asked for."""
    answers = [pods.stable.predict(row(data), model="xgboost").json() for _ in range(50)]
    ids = [answer["metadata"]["request_id"] for answer in answers]
    bits = [int(one.removeprefix("req_"), 16) for one in ids]
    assert all(len(one) == len("req_") + 16 for one in ids), "64 bits"
    assert len({one >> 32 for one in bits}) == len({one & 0xFFFFFFFF for one in bits}) == 50
    assert len({a ^ b for a, b in pairwise(bits)}) == 49


def test_a_clients_own_id_is_given_back_and_means_nothing(pods: Pods, data: Data) -> None:
    before = pods.counted()
    tokens = []
    for key in (WEB, WEB, MOBILE):
        headers = {"X-Request-ID": "the-same", "X-API-Key": key}
        body = {"features": row(data), "model": "xgboost"}
        answer = pods.stable.client.post("/api/v1/predict", json=body, headers=headers)
        assert answer.headers["x-request-id"] == "the-same"
        assert answer.json()["metadata"]["request_id"] == "the-same"
        tokens.append((answer.json()["prediction"]["feedback_token"], key))
    for token, key in tokens:
        assert pods.tell(pods.stable, token, LABELS[0], key=key).json()["counted"] is True
    assert sum(pods.gained(before).values()) == 3


def test_made_up_revisions_evict_nothing(pods: Pods, data: Data) -> None:
    token, said = predicted(pods.stable, data)
    pods.tell(pods.stable, token, said)
    before = pods.counted()
    assert before[STABLE, "xgboost", "1.0.0", "correct"] > 0
    for number in range(100):
        revision = f"made{number:06d}"
        forged = made(key=bytes(32), revision=revision)
        assert pods.tell(pods.stable, forged, LABELS[0]).status_code == 422
        claim = {"name": "xgboost", "version": "1.0.0", "revision": revision}
        body = {"label": "A", "prediction": "B", "model": claim}
        assert pods.stable.client.post("/api/v1/feedback", json=body).status_code == 422
    assert pods.counted() == before


def test_revisions_that_really_predicted_are_all_kept(pods: Pods) -> None:
    before = pods.counted()
    for number in range(100):
        got = pods.tell(pods.candidate, made(revision=f"real{number:06d}"), LABELS[0])
        assert got.status_code == 200, got.text
    gained = pods.gained(before)
    assert len(gained) == 100
    assert set(gained.values()) == {1.0}


def test_rows_of_a_batch_have_a_token_each(pods: Pods, data: Data) -> None:
    before = pods.counted()
    body = {"features": [row(data, index) for index in range(3)], "model": "xgboost"}
    answer = pods.stable.client.post("/api/v1/predict/batch", json=body).json()
    tokens = [prediction["feedback_token"] for prediction in answer["predictions"]]
    assert len(set(tokens)) == 3
    for token, prediction in zip(tokens, answer["predictions"], strict=True):
        got = pods.tell(pods.candidate, token, prediction["class"]).json()
        assert (got["outcome"], got["counted"]) == ("correct", True)
    assert pods.gained(before) == {(STABLE, "xgboost", "1.0.0", "correct"): 3}


def test_several_models_together_have_one_token(pods: Pods, data: Data) -> None:
    before = pods.counted()
    together = pods.stable.predict(row(data, 1)).json()["prediction"]
    compared = pods.stable.predict(row(data, 1), return_all_models=True).json()
    assert "feedback_token" not in str(compared["individual_predictions"])
    batch = pods.stable.client.post(
        "/api/v1/predict/batch", json={"features": [row(data, 1)], "return_all_models": True}
    ).json()["predictions"]
    for said in (together, compared["ensemble_prediction"], batch[0]["ensemble_prediction"]):
        assert pods.tell(pods.stable, said["feedback_token"], said["class"]).json()["counted"]
    version = "random_forest-1.0.0+xgboost-1.0.0"
    assert pods.gained(before) == {(STABLE, "ensemble", version, "correct"): 3}


@pytest.mark.parametrize("binary", [False, True])
def test_v2_gives_tokens_to_who_asks(pods: Pods, data: Data, binary: bool) -> None:
    before = pods.counted()
    values = [value for index in range(2) for value in row(data, index)]
    tensor = {"name": "features", "shape": [2, 784], "datatype": "FP32", "data": values}
    asked: dict[str, Any] = {"inputs": [tensor], "outputs": [{"name": "class"}]}
    plain = pods.stable.client.post("/v2/models/xgboost/infer", json=asked).json()
    assert plain["parameters"] == {"revision": STABLE}
    asked["parameters"] = {"feedback": True, "binary_data_output": binary}
    answer = pods.stable.client.post("/v2/models/xgboost/infer", json=asked)
    size = int(answer.headers.get("inference-header-content-length", len(answer.content)))
    said = httpx.Response(200, content=answer.content[:size]).json()
    tokens = said["parameters"]["feedback_tokens"].split(" ")
    for token, label in zip(tokens, plain["outputs"][0]["data"], strict=True):
        assert pods.tell(pods.candidate, token, label).json()["outcome"] == "correct"
    assert pods.gained(before) == {(STABLE, "xgboost", "1.0.0", "correct"): 2}


def test_labels_that_no_answer_can_be_are_refused(pods: Pods, data: Data) -> None:
    before = pods.counted()
    token, _ = predicted(pods.stable, data)
    for label in (3, 0.5, "confirmed", "ANYTHING"):
        got = pods.tell(pods.stable, token, label)
        assert (got.status_code, got.json()["error"]["field"]) == (422, "label"), label
    others: list[Any] = [None, "", True, [], {}]
    for wrong in others:
        body = {"feedback_token": token, "label": wrong}
        assert pods.stable.client.post("/api/v1/feedback", json=body).status_code == 422, wrong
    assert pods.gained(before) == {}


def test_another_revisions_labels_are_its_own(pods: Pods) -> None:
    got = pods.tell(pods.candidate, made(predicted="NEW_CLASS"), "NEW_CLASS")
    assert got.json()["outcome"] == "correct"
    got = pods.tell(pods.candidate, made(predicted=(2.0, 4.0), model="gone"), 3)
    assert (got.json()["outcome"], got.json()["model"]["name"]) == ("correct", "gone")


def test_neither_key_nor_token_is_in_the_log(pods: Pods, data: Data) -> None:
    token, said = predicted(pods.stable, data)
    pods.tell(pods.stable, token, said)
    pods.tell(pods.stable, token[:-1], said)
    log = pods.stable.log.read_text()
    assert "/api/v1/feedback" in log
    for secret in (token, token[:40], FEEDBACK_KEY.hex(), base64.b64encode(FEEDBACK_KEY).decode()):
        assert secret not in log
