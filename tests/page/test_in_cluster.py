"""The live page as the chart runs it: its own account's rights, and commands by visitors' tokens.

The API server is a real one, with the roles that the chart makes; the test plays the operator and
the kubelet. That the image and the chart's objects run: tests/cli/test_page_in_cluster.py.
"""

import html
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from dev.cluster.paths import REPOSITORY
from tests.chart import helm
from tests.page import plays
from tests.page.apiserver import ApiServer, running
from tests.page.stage import Stage
from tests.page.test_http import TOKEN, events, until
from tests.support import Object, eventually
from tests.unit.cli.seen import seen
from transit_cli.dashboard.data.sources import tick
from transit_cli.dashboard.detail import Chosen, answer_of
from transit_cli.rollout.steering.command import ANNOTATION

CRD = REPOSITORY / "crds" / "modeldeployments.transit.dev.yaml"
SYSTEM = "transit-system"
NAMESPACES = ("ml", "vision")
MDEPS = "/apis/transit.dev/v1alpha1/namespaces/{}/modeldeployments"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
PORT = re.compile(r"serving the page at port (\d+)")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server with the chart's roles, two ModelDeployments, and people: see `person`."""
    with running(tmp_path_factory.mktemp("api")) as server:
        for name in (SYSTEM, *NAMESPACES, "people"):
            server.namespace(name)
        crd = yaml.safe_load(CRD.read_text())
        server.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        values = {"dashboard": {"enabled": True}, "config": {"namespaces": list(NAMESPACES)}}
        for made in helm.render(values):
            if made["kind"] in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"):
                _create_rights(server, made)
        server.account(SYSTEM, "transit-dashboard")
        # as the roles edit and view of a cluster have them together
        for name, roles in (("editor", ("view", "edit")), ("viewer", ("view",)), ("stranger", ())):
            server.account("people", name)
            for role in roles:
                _bind(server, name, f"{SYSTEM}:transit-{role}")
        eventually("the kind is served", lambda: server.serves(MDEPS.format("ml")), 60)
        for namespace in NAMESPACES:
            _put(server, namespace)
        yield server


def _create_rights(server: ApiServer, made: Object) -> None:
    namespace = made["metadata"].get("namespace")
    where = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
    server.create(f"{where}/{made['kind'].lower()}s", made)


def _bind(server: ApiServer, account: str, role: str) -> None:
    group = "rbac.authorization.k8s.io"
    body = {
        "metadata": {"generateName": f"{account}-"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "people"}],
    }
    server.create(f"{RBAC}/clusterrolebindings", body)


def _put(server: ApiServer, namespace: str) -> None:
    """Make a ModelDeployment `kepler` with a rollout under way."""
    made = seen(plays.under_way(), "kepler")
    metadata = {"name": "kepler", "namespace": namespace}
    body = {"apiVersion": "transit.dev/v1alpha1", "kind": "ModelDeployment", "metadata": metadata}
    created = server.create(MDEPS.format(namespace), {**body, "spec": made["spec"]})
    created["status"] = made["status"]
    server.replace(f"{MDEPS.format(namespace)}/kepler/status", created)


class Page:
    """The page as a process, asked by the name it was told."""

    HOST = "transit.example.com"

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.host = f"{self.HOST}:{port}"

    def client(self, **headers: str) -> httpx.Client:
        """Return somebody's browser."""
        return httpx.Client(base_url=self.url, timeout=60, headers={"Host": self.host, **headers})

    def pressed(self, client: httpx.Client, path: str, **sent: str) -> httpx.Response:
        """Press a button of the page that a client sees."""
        token = TOKEN.search(client.get("/").text)
        assert token is not None
        headers = {"X-Transit-Token": token[1], "Origin": f"https://{self.host}"}
        return client.post(path, headers=headers, data=sent)

    def signed_in(self, token: str) -> httpx.Client:
        """Return the browser of somebody who has pasted a token."""
        client = self.client()
        answer = self.pressed(client, "/sign-in", token=token)
        assert answer.headers.get("hx-refresh") == "true", answer.text
        # httpx keeps a Secure cookie to itself here, where a gateway would have ended TLS
        client.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
        return client


@contextmanager
def serving(api: ApiServer, folder: Path, prometheus: str, sign_in: str) -> Iterator[Page]:
    """Run the program of the image, as the chart does, with the token of its account."""
    token = api.token(SYSTEM, "transit-dashboard")
    environment = {**os.environ, "KUBECONFIG": str(api.kubeconfig(token, folder))}
    options = ["--port=0", f"--host={Page.HOST}", f"--sign-in={sign_in}"]
    options += [f"--prometheus={prometheus}", *(f"--namespace={one}" for one in NAMESPACES)]
    command = [sys.executable, "-m", "transit_cli.dashboard.incluster", *options]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)
    said = ""
    try:
        assert process.stdout is not None
        found = PORT.match(process.stdout.readline())
        assert found is not None, process.communicate()
        page = Page(int(found[1]))
        eventually("it is ready", lambda: httpx.get(f"{page.url}/readyz").status_code == 200)
        yield page
    finally:
        process.terminate()
        said = "".join(process.communicate(timeout=60))
    assert said == "", "nobody's token, nor anything else, is in its log"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Prometheus."""
    opened = Stage()
    for namespace in NAMESPACES:
        opened.put("kepler", plays.under_way(), namespace)
    yield opened
    opened.fall_silent()


@pytest.fixture(scope="module")
def page(api: ApiServer, stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page by its default: who signs in may give commands."""
    with serving(api, tmp_path_factory.mktemp("page"), stage.url, "Optional") as found:
        yield found


def action(api: ApiServer) -> str:
    """Return the command that was given to ml/kepler last."""
    found = api.get(f"{MDEPS.format('ml')}/kepler")["metadata"].get("annotations", {})
    return str(found.get(ANNOTATION, ""))


def test_whoever_reaches_it_sees_all_and_has_no_button(page: Page) -> None:
    visitor = page.client()
    seen_list = visitor.get("/").text
    assert all(f"/m/{namespace}/kepler" in seen_list for namespace in NAMESPACES)
    one = html.unescape(visitor.get("/m/ml/kepler").text)
    assert "goes on (step 2 of 3, 50 %)" in one
    assert "Sign in…" in one
    assert "Abort…" not in one
    with events(visitor, "/m/ml/kepler/events") as lines:
        assert "Abort…" not in until(lines, 'hx-target="#head"')
    assert visitor.get("/m/ml/kepler/ask/abort").status_code == 403
    assert page.pressed(visitor, "/m/ml/kepler/do/abort").status_code == 403


def test_what_it_reads_beside_them_it_may_read(api: ApiServer, page: Page) -> None:
    """Where a right is missing, the page would go on without."""
    event = {
        "metadata": {"generateName": "kepler-"},
        "involvedObject": {"kind": "ModelDeployment", "name": "kepler", "namespace": "vision"},
        "reason": "Told",
        "message": "as the operator tells it",
        "type": "Normal",
        "lastTimestamp": "2026-11-27T12:00:00Z",
    }
    api.create("/api/v1/namespaces/vision/events", event)
    status = api.get(f"{MDEPS.format('vision')}/kepler")["status"]
    for number, role in enumerate(("stable", "candidate")):
        revision = status[role]["revision"]
        record = {
            "metadata": {"name": f"kepler-{revision}"},
            "revision": number + 1,
            "data": {"models": [{"name": "forest", "version": f"{number + 1}.0.0"}]},
        }
        api.create("/apis/apps/v1/namespaces/vision/controllerrevisions", record)
    labels = {
        "transit.dev/model-deployment": "kepler",
        "transit.dev/revision": status["candidate"]["revision"],
    }
    pod = {
        "metadata": {"name": "kepler-pod-1", "labels": labels},
        "spec": {"containers": [{"name": "server", "image": "server:1"}]},
    }
    api.account("vision", "default")  # which a controller would make
    api.create("/api/v1/namespaces/vision/pods", pod)
    shown = html.unescape(page.client().get("/m/vision/kepler").text)
    for word in ("as the operator tells it", "kepler-pod-1", "+  version: 2.0.0"):
        assert word in shown


@pytest.mark.parametrize("way", ["pasted", "proxy"])
def test_who_signs_in_gives_commands_as_themselves(api: ApiServer, page: Page, way: str) -> None:
    token = api.token("people", "editor")
    if way == "pasted":
        client = page.signed_in(token)
    else:
        client = page.client(Authorization=f"Bearer {token}")
    shown = html.unescape(client.get("/m/ml/kepler").text)
    assert "Abort…" in shown
    assert "system:serviceaccount:people:editor" in shown
    assert ("Sign out" in shown) == (way == "pasted")
    assert token not in shown
    assert "is rolled back" in client.get("/m/ml/kepler/ask/abort").text
    before = action(api)
    answers: list[httpx.Response] = []

    def press() -> None:
        answers.append(page.pressed(client, "/m/ml/kepler/do/pause"))

    pressing = threading.Thread(target=press)
    pressing.start()
    given = eventually("it is given", lambda: (now := action(api)) != before and now)
    assert given.startswith("pause/")
    _handle(api, given)
    pressing.join(60)
    assert "Done" in answers[0].text


def _handle(api: ApiServer, given: str) -> None:
    """Say that a command was handled, as the operator does."""
    path = f"{MDEPS.format('ml')}/kepler"
    found = api.get(path)
    found["status"]["handledAction"] = given
    api.replace(f"{path}/status", found)


def test_who_may_only_look_is_refused_by_the_api_server(api: ApiServer, page: Page) -> None:
    before = action(api)
    client = page.signed_in(api.token("people", "viewer"))
    said = html.unescape(page.pressed(client, "/m/ml/kepler/do/abort").text)
    assert "you may not do that" in said
    assert "people:viewer" in said
    assert action(api) == before


@pytest.mark.parametrize("token", ["", "made.up.token", "two\r\nlines", "of-nobody", "x" * 70_000])
def test_a_token_of_nobodys_signs_nobody_in(page: Page, token: str) -> None:
    client = page.client()
    answer = page.pressed(client, "/sign-in", token=token)
    assert "set-cookie" not in answer.headers
    assert "doesn't take this token" in html.unescape(answer.text) or answer.status_code == 413
    assert token not in answer.text or not token
    shown = page.client(Authorization="Bearer made.up.token").get("/m/ml/kepler").text
    assert "Abort…" not in shown


def test_a_session_is_in_a_cookie_that_tells_nothing_and_ends(api: ApiServer, page: Page) -> None:
    token = api.token("people", "editor")
    client = page.client()
    cookie = page.pressed(client, "/sign-in", token=token).headers["set-cookie"]
    for word in ("__Host-transit=", "HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert word in cookie
    assert "Max-Age" not in cookie
    assert token not in cookie
    client = page.signed_in(token)
    assert "Abort…" in client.get("/m/ml/kepler").text
    assert page.pressed(client, "/sign-out").status_code == 200
    assert "Abort…" not in client.get("/m/ml/kepler").text


@pytest.mark.parametrize("spoilt", ["token", "somebody's token", "origin", "other origin"])
def test_what_no_page_of_the_visitor_sends_is_refused(
    api: ApiServer, page: Page, spoilt: str
) -> None:
    """Also where a proxy adds the credentials to whatever a browser is made to send."""
    client = page.client(Authorization=f"Bearer {api.token('people', 'editor')}")
    found = TOKEN.search((page.client() if "somebody" in spoilt else client).get("/").text)
    assert found is not None
    sent = {"X-Transit-Token": found[1], "Origin": f"https://{page.host}"}
    if spoilt == "other origin":
        sent["Origin"] = "https://evil.example"
    elif spoilt in ("token", "origin"):
        del sent["X-Transit-Token" if spoilt == "token" else "Origin"]
    before = action(api)
    assert client.post("/m/ml/kepler/do/abort", headers=sent).status_code == 403
    assert action(api) == before


def test_it_answers_to_its_names_only(page: Page) -> None:
    for host in ("evil.example", f"evil.example:{page.host.rpartition(':')[2]}", "", "a@b:c"):
        for path in ("/", "/static/dashboard.js", "/sign-in"):
            assert page.client(Host=host).get(path).status_code == 421
    for host in ("localhost:8080", "127.0.0.1", "[::1]:8080", "TRANSIT.example.com"):
        answer = page.client(Host=host).get("/")
        assert answer.status_code == 200
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
    assert page.client(Host="10.0.0.7:8080").get("/healthz").text == "ok\n"


def test_however_many_look_each_question_is_asked_once(
    api: ApiServer, page: Page, stage: Stage
) -> None:
    mdep = api.get(f"{MDEPS.format('ml')}/kepler")
    every = tick(mdep, answer_of(mdep, Chosen(), time.time()))
    plots = re.findall(r'data-plot="([^"]+)"', page.client().get("/m/ml/kepler").text)
    assert len(plots) == 6
    stage.asked.clear()
    began = time.time() // every

    def look() -> None:
        with page.client() as mine:
            for plot in plots:
                assert mine.get(plot).status_code == 200

    looking = [threading.Thread(target=look) for _ in range(10)]
    for one in looking:
        one.start()
    for one in looking:
        one.join(60)
    queries = {what: n for what, n in stage.asked.items() if what.startswith("/api/v1/query")}
    assert len(queries) >= len(plots) - 1  # one may be asked for already
    ticks = time.time() // every - began + 1
    assert sum(queries.values()) <= len(plots) * ticks


def test_where_signing_in_is_required_nothing_is_shown_before(
    api: ApiServer, stage: Stage, tmp_path: Path
) -> None:
    with serving(api, tmp_path, stage.url, "Required") as page:
        nobody = page.client()
        for path in ("/", "/m/ml/kepler", "/list/events", "/m/ml/kepler/plots/errorRate"):
            answer = nobody.get(path)
            assert answer.status_code == 401
            assert "kepler" not in answer.text
        stranger = page.client(Authorization=f"Bearer {api.token('people', 'stranger')}")
        refused = html.unescape(stranger.get("/").text)
        assert "people:stranger may not list ModelDeployments" in refused
        assert "kepler" not in refused
        viewer = page.client(Authorization=f"Bearer {api.token('people', 'viewer')}")
        assert "/m/ml/kepler" in viewer.get("/").text


def test_where_nobody_signs_in_a_token_is_worth_nothing(
    api: ApiServer, stage: Stage, tmp_path: Path
) -> None:
    with serving(api, tmp_path, stage.url, "Off") as page:
        editor = page.client(Authorization=f"Bearer {api.token('people', 'editor')}")
        shown = editor.get("/m/ml/kepler").text
        assert "Abort…" not in shown
        assert "Sign in" not in shown
        assert editor.get("/sign-in").status_code == 404
