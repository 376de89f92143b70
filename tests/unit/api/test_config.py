"""The operator's configuration: a key that nobody knows is refused, by its name."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from transit_operator.api.config.notifications import NotificationsConfig
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.runtime.config import InvalidConfig, load

CHART = Path(__file__).parents[3] / "charts" / "transit" / "values.yaml"

UNKNOWN = {
    "namespace: [ml]": "namespace: is not a key",
    "prometheus: {uri: http://p}": "prometheus.uri: is not a key",
    "server: {pullPolicy: Always}": "server.pullPolicy: is not a key",
    "resolver: {limits: {}}": "resolver.limits: is not a key",
    "pools: {cpu: {nodeselector: {a: b}}}": "pools.cpu.nodeselector: is not a key",
    "{a: 1, b: 2}": "a: is not a key of the configuration; b: is not a key",
    "server: {podTemplate: {labels: {}}}": "server.podTemplate: Value error, a podTemplate has",
    "server: {podTemplate: {metadata: {name: x}}}": "metadata has labels and annotations, not name",
    "server: {podTemplate: {metadata: {labels: {transit.dev/x: y}}}}": "transit.dev/x: set by",
    "pools: {cpu: {podTemplate: {metadata: {labels: {app.kubernetes.io/name: y}}}}}": "set by",
    "server: {podTemplate: {spec: {containers: [{name: server, image: i}]}}}": "image of the",
    "server: {podTemplate: {spec: {containers: [{image: i}]}}}": "each of containers needs a name",
    "server: {podTemplate: {spec: {volumes: {}}}}": "volumes must be a list",
    "server: {podTemplate: {spec: {initContainers: [{name: i, volumeMounts: [{name: a}]}]}}}": (
        "each of volumeMounts of the container i needs a mountPath"
    ),
    "prometheus: {basicAuth: {passwordFile: p}}": "needs username or usernameFile",
    "prometheus: {basicAuth: {username: u}}": "and passwordFile",
    "prometheus: {basicAuth: {username: u, usernameFile: f, passwordFile: p}}": "one of username",
    "prometheus: {basicAuth: {username: u, passwordFile: p}, bearerTokenFile: t}": "exclude each",
    "prometheus: {tls: {certFile: c}}": "certFile and keyFile belong together",
    "prometheus: {headers: {Authorization: x}}": "use basicAuth or bearerTokenFile",
    "prometheus: {headerFiles: {'a b': x}}": "prometheus.headerFiles.a b",
    "prometheus: {bearerTokenFile: ../token}": "prometheus.bearerTokenFile",
    "{keda: {enabled: true}, prometheus: {bearerTokenFile: t}}": "TriggerAuthentication for bearer",
    "{keda: {enabled: true}, prometheus: {url: 'http://u:p@host'}}": "must have no password",
    "{keda: {enabled: true}, prometheus: {headers: {a: 'b=c'}}}": "a comma or an equals sign",
    "{keda: {enabled: true, authentication: a}, prometheus: {headerFiles: {a: b, c: d}}}": "one of",
    "keda: {authentication: Prometheus}": "keda.authentication: String should match pattern",
    "workers: 0": "workers: Input should be greater than",
    "fileRoots: [/]": "fileRoots.0: ",
    "fileRoots: [/srv/../etc]": "fileRoots.0: ",
    "fileRoots: [/srv//models]": "fileRoots.0: ",
    "fileRoots: [srv]": "fileRoots.0: ",
    "formats: [onxx]": "formats.0: Input should be 'onnx', 'skops'",
    "signing: {keys: {me: MCowBQYDK2Vw}}": "signing.keys.me: String should match pattern",
}


@pytest.mark.parametrize("text", UNKNOWN)
def test_names_what_is_wrong(tmp_path: Path, text: str) -> None:
    file = tmp_path / "operator.yaml"
    file.write_text(text)
    with pytest.raises(InvalidConfig) as refused:
        load(file)
    assert UNKNOWN[text] in str(refused.value)


def test_the_charts_values_are_a_configuration() -> None:
    values = yaml.safe_load(CHART.read_text())["config"]
    config = OperatorConfig.model_validate(values)
    assert set(values) == {field.alias for field in OperatorConfig.model_fields.values()}, (
        "the chart shows every key"
    )
    assert config.file_roots == OperatorConfig().file_roots
    assert config.resolver == OperatorConfig().resolver


@pytest.mark.parametrize(
    ("notifications", "said"),
    [
        ({"receivers": [{"name": "slack"}]}, "slack: set secretName, or give urlFile as an"),
        (
            {"secretName": "s", "receivers": [{"name": "a"}, {"name": "a"}]},
            "two receivers have the same name: rename one",
        ),
        (
            {"secretName": "s", "receivers": [{"name": "a", "urlFile": "https://x.example/T0K3N"}]},
            "receivers.0.urlFile",
        ),
        (
            {"secretName": "s", "receivers": [{"name": "a", "reasons": ["Gone"]}]},
            "receivers.0.reasons.0",
        ),
        ({"receivers": [{"name": f"a{n}"} for n in range(21)]}, "at most 20"),
    ],
)
def test_a_wrong_receiver_is_named_and_its_url_is_not(
    tmp_path: Path, notifications: dict[str, Any], said: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"notifications": notifications}))
    with pytest.raises(InvalidConfig) as refused:
        load(file)
    assert said in str(refused.value)
    assert "T0K3N" not in str(refused.value)


def test_the_file_of_a_receiver_is_its_key_in_the_mounted_secret() -> None:
    config = NotificationsConfig.model_validate(
        {"secretName": "s", "receivers": [{"name": "a"}, {"name": "b", "urlFile": "/run/b"}]}
    )
    files = [str(config.url_file(receiver)) for receiver in config.receivers]
    assert files == ["/etc/transit/notifications/a", "/run/b"]
