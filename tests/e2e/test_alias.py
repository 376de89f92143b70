"""Given a spec with an alias, then it is looked up once, pinned in status, and served."""

import json

from dev.demo.play.stage import MODEL, NAME, Stage
from dev.demo.provision.store import MODELS
from transit_models.integrity import digest_of


def test_latest_is_pinned(stage: Stage) -> None:
    stage.ask_for("latest")
    served = stage.until(
        "what latest means to be served", lambda s: s.get("phase") == "Stable", 120
    )
    digest = digest_of(MODELS / MODEL / "v1.1.0")
    pinned = [{"name": MODEL, "version": "1.1.0", "digest": digest}]
    assert served["stable"]["models"] == pinned
    assert served["pins"]["models"] == pinned
    pods = json.loads(
        stage.kube(
            *("-n", stage.namespace, "get", "pods", "-o", "json"),
            *("-l", f"transit.dev/model-deployment={NAME},transit.dev/resolves"),
        )
    )["items"]
    assert all(pod["metadata"].get("deletionTimestamp") for pod in pods), "the resolver is left"


def test_an_alias_that_the_store_does_not_know_is_said(stage: Stage) -> None:
    before = stage.status["stable"]["revision"]
    stage.manifest["spec"]["models"][0]["name"] = "no_such_model"
    stage.ask_for("stable")
    stage.until(
        "the reason in the status",
        lambda s: "has no model 'no_such_model'" in s.get("message", ""),
        60,
    )
    assert stage.status["stable"]["revision"] == before
    assert stage.weights() == {before: 100}
    stage.manifest["spec"]["models"][0]["name"] = MODEL
