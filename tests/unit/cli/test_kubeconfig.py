"""A kubeconfig that is wrong ends a command with words that say what, never with a traceback."""

import json
import ssl
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from transit_cli.cluster.connection import Cluster
from transit_cli.cluster.kubeconfig import connect
from transit_cli.cluster.suggesting import Given
from transit_cli.exits import CommandFailed, Exit
from transit_cli.main import run


def config(user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    """Return a kubeconfig of two contexts, neither of which is the current one."""
    contexts = [
        {"name": "staging", "context": {"cluster": "it", "user": "me", "namespace": "ml"}},
        {"name": "production", "context": {"cluster": "it", "user": "me"}},
    ]
    return {
        "contexts": contexts,
        "clusters": [{"name": "it", "cluster": {"server": "https://127.0.0.1:1", **cluster}}],
        "users": [{"name": "me", "user": user}],
    }


def failed(file: Path, context: str | None) -> CommandFailed:
    with pytest.raises(CommandFailed) as found:
        connect(str(file), context, None)
    return found.value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is no kubeconfig that can be read: while parsing a flow node"),
        ("text", "is no kubeconfig that can be read"),
        ("contexts: 3", "is no kubeconfig that can be read"),
        ("", "file is empty"),
        (json.dumps(config({}) | {"current-context": "gone"}), "gone"),
        (json.dumps(config({})), "Expected key current-context"),
    ],
)
def test_a_file_that_is_no_kubeconfig(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    failure = failed(file, None)
    assert said in str(failure)
    assert failure.hint == f"kubectl config get-contexts --kubeconfig {file}"
    assert failure.code is Exit.FAILED


def test_a_folder_and_nothing_at_all(tmp_path: Path) -> None:
    assert "Is a directory" in str(failed(tmp_path, None))
    assert f"there is no kubeconfig at {tmp_path / 'none'}" in str(failed(tmp_path / "none", None))


def test_of_a_context_that_there_is_not_the_others_are_named(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps(config({"token": "t"})))
    assert "there is no context prod; there are: staging, production" in str(failed(file, "prod"))


def test_a_context_that_is_given_needs_no_current_one(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps(config({"token": "t"})))
    found = connect(str(file), "staging", None)
    assert (found.namespace, found.host) == ("ml", "https://127.0.0.1:1")
    assert connect(str(file), "production", None).namespace == "default"
    assert connect(str(file), "staging", "other").namespace == "other"


@pytest.mark.parametrize("command", ["no-such-program", sys.executable])
def test_a_program_that_gives_no_credentials_is_named(command: str, tmp_path: Path) -> None:
    """Nobody is asked without credentials where the kubeconfig says how to get some."""
    file, arguments = tmp_path / "config", ["-c", "raise SystemExit(1)"]
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": command}
    file.write_text(json.dumps(config({"exec": {**program, "args": arguments}})))
    failure = failed(file, "staging")
    assert f"{command}, which the kubeconfig asks for credentials, gave none" in str(failure)
    assert failure.hint == f"kubectl auth whoami --kubeconfig {file} --context staging"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[int]:
    """The port of a server whose certificate is of an authority that nobody knows."""
    certificate, key = Authority(tmp_path / "theirs").issue("it", "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_who_shows_another_certificate_is_not_taken_for_silence(
    elsewhere: int, tmp_path: Path
) -> None:
    file, mine = tmp_path / "config", Authority(tmp_path / "mine").certificate
    server = f"https://127.0.0.1:{elsewhere}"
    found = config({"token": "t"}, server=server, **{"certificate-authority": str(mine)})
    file.write_text(json.dumps(found))
    cluster: Cluster = connect(str(file), "staging", None)
    with pytest.raises(CommandFailed, match=r"no secure connection .* certificate verify failed"):
        cluster.get("/version")


@pytest.mark.parametrize(
    ("given", "command", "whole"),
    [
        (Given(), "transit get", "transit get"),
        (Given(context="staging"), "transit get", "transit get --context staging"),
        (Given("my file"), "kubectl get mdep", "kubectl get mdep --kubeconfig 'my file'"),
        (Given("f", "c"), "helm list", "helm list --kubeconfig f --kube-context c"),
    ],
)
def test_what_is_suggested_reaches_the_same_cluster(given: Given, command: str, whole: str) -> None:
    assert given.command(command) == whole


def test_a_fault_of_the_program_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python's own exit code would be 1, which says that a version was rolled back."""

    def broken(*_: object) -> Cluster:
        raise RuntimeError("a bug")

    monkeypatch.setattr("transit_cli.commands.get.cluster", broken)
    assert run(["get"]) == Exit.FAILED
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "a fault of transit itself" in said
