"""The pod template: what a user can't take over, and which directories of a node it may mount."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from tests.api.resources.servers import GPU_PARTS
from tests.unit.world import spec, wanted
from transit_models import file_formats
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.api.config.servers import FileFormat
from transit_operator.api.server import RESERVED_ENV, LoggedFeature
from transit_operator.core.objects.mounts import ANSWER_CACHE, PREDICTION_LOG
from transit_operator.core.objects.template import pod_template
from transit_operator.core.objects.unbuildable import ForbiddenPath, NowhereToLog
from transit_server.settings import AnswerCacheSettings, Features, PredictionLogSettings

ROOTS = OperatorConfig.model_validate({"fileRoots": ["/srv/models", "/data"]})


def template(config: OperatorConfig | None = None, **overrides: Any) -> dict[str, Any]:
    asked = spec(**overrides)
    target = wanted(asked)
    return pod_template("ml", "kepler", target, asked, config or OperatorConfig(), "the-secret")


def environment(**server: Any) -> dict[str, Any]:
    container = template(server=server)["spec"]["containers"][0]
    found = {v["name"]: v.get("value") for v in container["env"]}
    assert len(found) == len(container["env"]), "no variable stands there twice"
    return found


def test_every_variable_that_is_set_is_reserved() -> None:
    assert set(environment(apiKeys={"secretName": "keys"})) <= set(RESERVED_ENV)


@pytest.mark.parametrize("name", RESERVED_ENV)
def test_a_reserved_variable_that_came_through_has_no_effect(name: str) -> None:
    assert environment(env=[{"name": name, "value": "another"}]).get(name) != "another"


def test_which_formats_are_opened_is_the_administrators_choice() -> None:
    own = [{"name": "TRANSIT_FORMATS", "value": "pickle"}]
    container = {"name": "server", "env": own}
    ways: list[dict[str, Any]] = [
        {"env": own},
        {"podTemplate": {"spec": {"containers": [container]}}},
    ]
    for server in ways:
        made = template(OperatorConfig(formats=["onnx", "skops"]), server=server)
        found = made["spec"]["containers"][0]["env"]
        assert [v["value"] for v in found if v["name"] == "TRANSIT_FORMATS"] == ["onnx,skops"]
        assert "TRANSIT_FORMATS" not in environment(**server), "where all are allowed"


def test_a_cache_of_answers_is_told_as_the_servers_settings_read_it() -> None:
    """The address is in a Secret, which is mounted, and missing is no reason not to serve."""
    made = template(server={"answerCache": {"secretName": "redis", "ttl": "90s"}})
    container = made["spec"]["containers"][0]
    told = next(v["value"] for v in container["env"] if v["name"] == "TRANSIT_ANSWER_CACHE")
    settings = AnswerCacheSettings.model_validate_json(told)
    assert (settings.ttl, settings.largest) == (90, 16 * 2**10)
    (volume,) = [v for v in made["spec"]["volumes"] if v["name"] == "answer-cache"]
    assert volume["secret"] == {"secretName": "redis", "defaultMode": 0o440, "optional": True}
    (mount,) = [m for m in container["volumeMounts"] if m["name"] == "answer-cache"]
    assert mount["mountPath"] == str(settings.secret) == ANSWER_CACHE


@pytest.mark.parametrize("wrong", [{"ttl": "0s"}, {"ttl": "5"}, {"largest": "0"}])
def test_a_cache_that_no_server_would_take_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        template(server={"answerCache": {"secretName": "redis", **wrong}})


SINK = {"uri": "s3://predictions", "secretName": "log", "every": "5s"}


def test_predictions_are_written_where_the_administrator_says_and_as_the_author_asks() -> None:
    """What the server is told is read by the server's own settings."""
    config = OperatorConfig.model_validate({"predictionLog": SINK})
    asked = {"share": 0.5, "features": "Hash", "columns": {"age": "Keep"}}
    made = template(config, server={"predictionLog": asked})
    container = made["spec"]["containers"][0]
    told = next(v["value"] for v in container["env"] if v["name"] == "TRANSIT_PREDICTION_LOG")
    settings = PredictionLogSettings.model_validate_json(told)
    assert (settings.uri, settings.every, settings.buffer) == ("s3://predictions", 5, 32 * 2**20)
    assert (settings.share, settings.features) == (0.5, "Hash")
    assert settings.columns == {"age": "Keep"}
    (volume,) = [v for v in made["spec"]["volumes"] if v["name"] == "prediction-log"]
    assert volume["secret"]["secretName"] == "log"
    (mount,) = [m for m in container["volumeMounts"] if m["name"] == "prediction-log"]
    assert mount["mountPath"] == str(settings.secret) == PREDICTION_LOG


def test_who_asks_for_no_log_has_none() -> None:
    made = template(OperatorConfig.model_validate({"predictionLog": SINK}))
    assert made == template()


def test_a_log_without_a_store_is_refused() -> None:
    with pytest.raises(NowhereToLog, match=r"predictionLog\.uri"):
        template(server={"predictionLog": {}})


@pytest.mark.parametrize(
    "wrong", [{"uri": "https://h/log"}, {"uri": "file://log"}, {"every": "0s"}, {"buffer": "-1"}]
)
def test_a_store_that_no_server_would_take_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        OperatorConfig.model_validate({"predictionLog": wrong})


def test_the_ways_to_write_a_feature_are_those_that_servers_know() -> None:
    assert get_args(LoggedFeature) == get_args(Features)


def test_the_formats_are_those_that_servers_know() -> None:
    assert get_args(FileFormat) == get_args(file_formats.FileFormat)


def test_other_variables_are_the_users() -> None:
    assert (
        environment(env=[{"name": "TRANSIT_MAX_QUEUE", "value": "9"}])["TRANSIT_MAX_QUEUE"] == "9"
    )


@pytest.mark.parametrize(
    "path", ["/srv/models", "/srv/models/", "/srv/models/team/a", "/data", "/data/..x"]
)
def test_mounts_what_is_below_an_allowed_directory(path: str) -> None:
    made = template(ROOTS, storage={"uri": f"file://{path}"})
    volume = next(v for v in made["spec"]["volumes"] if v["name"] == "models")
    assert volume["hostPath"]["path"] == path


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//",
        "/etc",
        "/srv",
        "/srv/models2",
        "/srv/models/../../etc",
        "/srv/models/..",
        "//srv/models",
        "/data/../etc",
        "srv/models",
        "",
    ],
)
def test_mounts_nothing_else_of_the_node(path: str) -> None:
    with pytest.raises(ForbiddenPath, match="fileRoots: /srv/models, /data"):
        template(ROOTS, storage={"uri": f"file://{path}"})


def test_no_allowed_directory_allows_none() -> None:
    with pytest.raises(ForbiddenPath, match="fileRoots: none"):
        template(
            OperatorConfig.model_validate({"fileRoots": []}), storage={"uri": "file:///srv/models"}
        )


@pytest.mark.parametrize("name", GPU_PARTS)
def test_a_pool_may_be_of_any_part_of_a_gpu(name: str) -> None:
    """Of MIG or of time-slicing: to Transit they are names of resources like any other."""
    resources = {"requests": {"cpu": "1", name: 1}, "limits": {"memory": "2Gi", name: 1}}
    pools = {"gpu": {"resources": {}}, "part": {"resources": resources}}
    made = template(OperatorConfig.model_validate({"pools": pools}), server={"pool": "part"})
    assert made["spec"]["containers"][0]["resources"] == resources
