"""One node: its containerd, its CNI configuration, its kubelet. Two nodes share nothing."""

from __future__ import annotations

import json
from pathlib import Path

from .. import paths, shape, versions
from ..shape import Node
from . import network, pki
from .daemons import Daemon

CNI_PROGRAMS = "/usr/lib/cni"


def folder(node: Node) -> Path:
    """All of the node's files."""
    return paths.state() / node.name


def socket(node: Node) -> Path:
    """Where its containerd listens."""
    return folder(node) / "containerd.sock"


def containerd(node: Node) -> Daemon:
    """The node's container runtime."""
    home = folder(node)
    config = home / "containerd.toml"
    cni = home / "cni" / "10-transit.conflist"
    return Daemon(
        f"containerd-{node.name}",
        ("containerd", "--config", str(config)),
        files={
            str(config): _containerd_config(node),
            str(cni): json.dumps(_cni_config(node), indent=1),
        },
    )


def kubelet(node: Node) -> Daemon:
    """The node's kubelet."""
    home = folder(node)
    config, resolv = home / "kubelet.json", home / "resolv.conf"
    labels = ",".join(f"{key}={value}" for key, value in node.labels.items())
    return Daemon(
        f"kubelet-{node.name}",
        (
            str(paths.binary("kubelet", versions.KUBERNETES)),
            f"--config={config}",
            f"--kubeconfig={pki.kubeconfig(f'node-{node.name}')}",
            f"--hostname-override={node.name}",
            f"--node-ip={node.address}",
            f"--node-labels={labels}",
            f"--root-dir={home / 'kubelet'}",
            f"--cert-dir={home / 'kubelet' / 'pki'}",
        ),
        files={
            str(config): json.dumps(_kubelet_config(node, resolv), indent=1),
            str(resolv): network.resolv_conf(),
        },
    )


def _containerd_config(node: Node) -> str:
    """`restrict_oom_score_adj` is for machines where root may not raise a process's priority.

    Network namespaces are kept under the node's own state folder, so that taking the node down
    finds them even when containerd had no chance to clean up.
    """
    home = folder(node)
    return f"""version = 2
root = "{home}/containerd"
state = "{home}/run"

[grpc]
  address = "{socket(node)}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{home}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{versions.IMAGES["pause"]}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  max_concurrent_downloads = 3

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PROGRAMS}"
    conf_dir = "{home}/cni"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "{home}/runc"
"""


def _cni_config(node: Node) -> dict[str, object]:
    """A veth for each pod, routed by the kernel; masquerading is `network.py`'s one rule."""
    return {
        "cniVersion": "0.4.0",
        "name": f"transit-{node.name}",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "mtu": 1400,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(folder(node) / "ipam"),
                    "ranges": [[{"subnet": node.pod_subnet}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }


def _kubelet_config(node: Node, resolv: Path) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "port": node.kubelet_port,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": node.health_port,
        "tlsCertFile": str(pki.certificate(f"kubelet-{node.name}")),
        "tlsPrivateKeyFile": str(pki.key(f"kubelet-{node.name}")),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki.certificate("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": f"unix://{socket(node)}",
        "clusterDNS": [shape.DNS_SERVICE],
        "clusterDomain": shape.DOMAIN,
        "resolvConf": str(resolv),
        "registerWithTaints": [
            {"key": key, "value": value, "effect": effect} for key, value, effect in node.taints
        ],
        "podLogsDir": str(folder(node) / "pod-logs"),
        "volumePluginDir": str(folder(node) / "volume-plugins"),
        # control groups: the nodes must not see each other's
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        # images loaded by hand cannot be pulled again, so none may be collected
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
        # leaves the machine's own iptables alone
        "makeIPTablesUtilChains": False,
        "serializeImagePulls": False,
        "registryPullQPS": 50,
    }
