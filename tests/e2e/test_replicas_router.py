"""Given router: replicas (the default), then weights follow pod counts behind Service NAME.

The route here is the test's own: it leads to the Service whose address never changes.
"""

import json

from dev.demo.play.stage import NAME, Stage
from tests.support import eventually

LAST_ANSWERS = 100


def route_to_the_service(stage: Stage) -> None:
    stage.kube.apply(
        json.dumps(
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "HTTPRoute",
                "metadata": {"name": "outside", "namespace": stage.namespace},
                "spec": {
                    "parentRefs": [{"name": "public", "namespace": "traefik"}],
                    "hostnames": [stage.host],
                    "rules": [{"backendRefs": [{"name": NAME, "port": 80}]}],
                },
            }
        )
    )


def test_a_good_version_and_a_bad_one(stage: Stage) -> None:
    stage.manifest["spec"]["traffic"] = {"router": "replicas"}
    route_to_the_service(stage)
    try:
        stage.ask_for("1.0.0")
        first = stage.until("the first deployment", lambda s: s.get("phase") == "Stable", 120)[
            "stable"
        ]["revision"]
        stage.begin_traffic()

        stage.ask_for("1.1.0")
        mixed = stage.until("traffic for both", lambda s: len(s.get("traffic", [])) == 2, 90)
        # Two pods of the stable and one of the candidate: a third, where 10 % was asked for.
        shares = {w["revision"]: w["weight"] for w in mixed["traffic"]}
        assert shares[first] in range(50, 68)
        assert sum(shares.values()) == 100
        done = stage.until(
            "the promotion",
            lambda s: s["phase"] == "Stable" and s["stable"]["revision"] != first,
            240,
        )
        good = done["stable"]["revision"]
        assert done["traffic"] == [{"revision": good, "weight": 100}]

        stage.ask_for("1.2.0")
        rejected = stage.until("the rollback", lambda s: s["phase"] == "RolledBack", 120)
        assert rejected["rejected"]["reason"] == "ErrorRate"
        assert rejected["traffic"] == [{"revision": good, "weight": 100}]
        eventually(
            "the good version alone answers",
            lambda: all(
                answer.revision == good and not answer.failed
                for answer in stage.traffic.since()[-LAST_ANSWERS:]
            ),
            30,
        )
    finally:
        stage.kube("-n", stage.namespace, "delete", "httproute", "outside")
