"""A control plane for the benchmark alone: real programs on free loopback ports, in its own folder.

etcd, API server, controller manager, scheduler, KWOK in place of kubelets, and Prometheus. Binaries
are those of `dev.cluster`; nothing else of the development cluster is used or touched. Every
process is a child of this one: it is ended by `close`, and by the kernel when this process dies.
"""

import json
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dev.cluster import paths, shell, versions
from dev.cluster.programs import gobuild, gosources
from dev.cluster.ui import StepFailed

HERE = Path(__file__).resolve().parent
CHART = paths.REPOSITORY / "charts" / "transit"
CRDS = paths.REPOSITORY / "crds"
NAMESPACE = "transit-system"
NODES = 5
PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubectl",
    "helm",
    "kwok",
    "prometheus",
)
CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
)


class Plane:
    """See the module. `close` must follow, also after a failed `up`."""

    def __init__(self, folder: Path, scrape_seconds: int) -> None:
        self.folder = folder
        self._scrape_seconds = scrape_seconds
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._admin_token = secrets.token_hex(16)
        names = ("api", "etcd", "peer", "controllers", "scheduler", "prometheus", "exporter")
        self._ports = dict(zip(names, _free_ports(len(names)), strict=True))
        self.operator_user = ""

    @property
    def api(self) -> str:
        """URL of the API server."""
        return f"https://127.0.0.1:{self._ports['api']}"

    @property
    def prometheus(self) -> str:
        """URL of Prometheus."""
        return f"http://127.0.0.1:{self._ports['prometheus']}"

    @property
    def authority(self) -> Path:
        """The certificate to trust."""
        return self.folder / "certs" / "apiserver.crt"

    @property
    def audit_log(self) -> Path:
        """Every request of the operator's account, one JSON object a line."""
        return self.folder / "audit.log"

    @property
    def exported(self) -> Path:
        """The file that tells the exporter whose series to serve."""
        return self.folder / "exported.json"

    @property
    def admin_token(self) -> str:
        """The bearer token that may do everything."""
        return self._admin_token

    def close(self) -> None:
        """End every process, the last started first."""
        for name in reversed(list(self._children)):
            self.end(name)

    def end(self, name: str) -> None:
        """End one process."""
        child = self._children.pop(name, None)
        if child is None:
            return
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def start(self, name: str, argv: Sequence[object], env: dict[str, str] | None = None) -> int:
        """Start a process whose output goes to NAME.log, and return its id."""
        command = ["setpriv", "--pdeathsig", "KILL", "--", *map(str, argv)]
        with self.log(name).open("ab") as sink:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=env,
                start_new_session=True,  # Ctrl-C is for us: we end them in order
            )
        self._children[name] = child
        return child.pid

    def require_alive(self) -> None:
        """Raise StepFailed, with the log, if any process has ended."""
        for name, child in self._children.items():
            if child.poll() is not None:
                raise StepFailed(f"{name} ended with {child.returncode}", self.log(name))

    def log(self, name: str) -> Path:
        """Where a process's output goes."""
        return self.folder / f"{name}.log"

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as the administrator. Raises: StepFailed."""
        kubectl = gobuild.PROGRAMS["kubectl"].path
        done = subprocess.run(
            [str(kubectl), f"--kubeconfig={self.folder / 'admin.kubeconfig'}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise StepFailed(f"kubectl {' '.join(arguments)[:200]}: {done.stderr[-800:]}")
        return done.stdout

    def operator_files(self) -> tuple[Path, Path]:
        """Install account and rights of the chart; return kubeconfig and configuration."""
        self.kubectl("create", "namespace", NAMESPACE)
        helm = gobuild.PROGRAMS["helm"].path
        rights = (
            "-s",
            "templates/rights/serviceaccount.yaml",
            "-s",
            "templates/rights/operator.yaml",
        )
        rendered = shell.output([helm, "template", "transit", CHART, "-n", NAMESPACE, *rights])
        self.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=rendered)
        accounts = json.loads(
            self.kubectl("get", "serviceaccounts", "-n", NAMESPACE, "-o", "json")
        )["items"]
        name = next(a["metadata"]["name"] for a in accounts if a["metadata"]["name"] != "default")
        token = self.kubectl("create", "token", name, "-n", NAMESPACE, "--duration=24h").strip()
        self.operator_user = f"system:serviceaccount:{NAMESPACE}:{name}"
        config = self.folder / "operator.yaml"
        config.write_text(json.dumps({"prometheus": {"url": self.prometheus}}))
        return self._kubeconfig("operator", token), config

    def up(self) -> None:
        """Start all of it and wait until it answers. Raises: StepFailed."""
        self._write_files()
        etcd = f"http://127.0.0.1:{self._ports['etcd']}"
        peer = f"http://127.0.0.1:{self._ports['peer']}"
        self._program(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
            "--quota-backend-bytes=8589934592",
        )
        self._program(
            "kube-apiserver",
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._ports['api']}",
            "--advertise-address=192.0.2.1",  # nobody follows it: no endpoints are kept
            "--endpoint-reconciler-type=none",
            f"--cert-dir={self.folder / 'certs'}",
            "--service-cluster-ip-range=10.96.0.0/12",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder / 'sa.key'}",
            f"--service-account-signing-key-file={self.folder / 'sa.key'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=TaintNodesByCondition",  # its controller doesn't run
            f"--audit-policy-file={self.folder / 'audit-policy.json'}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-maxsize=10000",
        )
        self._until("the API server", self._api_ready)
        self.kubectl("apply", "-f", "-", stdin=_nodes())
        self._resources()  # before KWOK, which asks at its start what HTTPRoutes are
        kubeconfig = self.folder / "admin.kubeconfig"
        self._program(
            "kube-controller-manager",
            f"--kubeconfig={kubeconfig}",
            f"--controllers={','.join(CONTROLLERS)}",
            f"--service-account-private-key-file={self.folder / 'sa.key'}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._ports['controllers']}",
            f"--cert-dir={self.folder / 'controllers'}",
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
        )
        self._program(
            "kube-scheduler",
            f"--config={self.folder / 'scheduler.json'}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._ports['scheduler']}",
            f"--cert-dir={self.folder / 'scheduler'}",
        )
        self._program(
            "kwok",
            f"--kubeconfig={kubeconfig}",
            f"--config={HERE / 'kwok-stages.yaml'}",
            "--manage-all-nodes=true",
            "--cidr=10.64.0.0/12",
            "--node-ip=127.0.0.1",
        )
        self._program(
            "prometheus",
            f"--config.file={self.folder / 'prometheus.json'}",
            f"--storage.tsdb.path={self.folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{self._ports['prometheus']}",
            "--log.level=warn",
        )
        exporter = [self._ports["exporter"], self.exported]
        self.start("exporter", [sys.executable, HERE / "exporter.py", *exporter])
        self._until("Prometheus", lambda: answers(f"{self.prometheus}/-/ready"))
        self._until("the nodes", self._nodes_ready)

    def _resources(self) -> None:
        crds = [*gosources.gateway_api_crds().glob("*.yaml"), *CRDS.glob("*.yaml")]
        for file in crds:
            self.kubectl("apply", "--server-side", "-f", str(file))
        self.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        self._until("the resources", self._served)  # established is not yet served

    def _program(self, name: str, *flags: str) -> None:
        self.start(name, [gobuild.PROGRAMS[name].path, *flags])

    def _until(self, what: str, ready: Callable[[], bool]) -> None:
        shell.wait_for(what, ready, 60, meanwhile=self.require_alive)

    def _api_ready(self) -> bool:
        if not self.authority.exists():
            return False
        self._kubeconfig("admin", self._admin_token)
        return self.kubectl("get", "--raw", "/readyz") == "ok"

    def _served(self) -> bool:
        self.kubectl("get", "modeldeployments,httproutes", "--all-namespaces")
        return True

    def _nodes_ready(self) -> bool:
        nodes = json.loads(self.kubectl("get", "nodes", "-o", "json"))["items"]
        ready = [
            c["status"] == "True"
            for node in nodes
            for c in node["status"].get("conditions", [])
            if c["type"] == "Ready"
        ]
        return len(ready) == NODES and all(ready)

    def _write_files(self) -> None:
        self.exported.write_text("[]")
        shell.output(["openssl", "genrsa", "-out", self.folder / "sa.key", "2048"])
        tokens = self.folder / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f"{self._admin_token},admin,admin,system:masters\n")
        self._json("audit-policy", _audit_policy())
        self._json(
            "scheduler",
            {
                "apiVersion": "kubescheduler.config.k8s.io/v1",
                "kind": "KubeSchedulerConfiguration",
                "leaderElection": {"leaderElect": False},
                "clientConnection": {
                    "kubeconfig": str(self.folder / "admin.kubeconfig"),
                    "qps": 1000,
                    "burst": 2000,
                },
            },
        )
        target = {"targets": [f"127.0.0.1:{self._ports['exporter']}"]}
        self._json(
            "prometheus",
            {
                "global": {"scrape_interval": f"{self._scrape_seconds}s"},
                "scrape_configs": [
                    {
                        "job_name": "pods",
                        "fallback_scrape_protocol": "PrometheusText0.0.4",
                        "static_configs": [target],
                    }
                ],
            },
        )

    def _kubeconfig(self, name: str, token: str) -> Path:
        cluster = {"server": self.api, "certificate-authority": str(self.authority)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "scale", "cluster": cluster}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "scale", "context": {"cluster": "scale", "user": name}}],
            "current-context": "scale",
        }
        file = self.folder / f"{name}.kubeconfig"
        file.touch(mode=0o600)
        file.write_text(json.dumps(content))
        return file

    def _json(self, name: str, content: Any) -> None:
        (self.folder / f"{name}.json").write_text(json.dumps(content))


def build() -> None:
    """Build the programs that are missing. Raises: StepFailed."""
    gobuild.build(PROGRAMS)


def answers(url: str) -> bool:
    """Tell whether a GET of a plain HTTP URL succeeds."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=3) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _audit_policy() -> dict[str, Any]:
    """Requests of service accounts in the operator's namespace only, once each."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "Metadata", "userGroups": [f"system:serviceaccounts:{NAMESPACE}"]},
            {"level": "None"},
        ],
    }


def _nodes() -> str:
    return "\n---\n".join(
        json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"kwok-{number}"}})
        for number in range(NODES)
    )


def _free_ports(count: int) -> list[int]:
    """Ports that are free now; all are held until the last is chosen."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


def machine_versions() -> dict[str, str]:
    """The versions of what was run."""
    return {
        "kubernetes": versions.KUBERNETES,
        "etcd": versions.ETCD,
        "kwok": versions.KWOK,
        "prometheus": versions.PROMETHEUS,
        "python": sys.version.split()[0],
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
