"""The numbers of the local cluster: addresses, ports, nodes. Chosen to collide with nothing usual.

Both nodes live in the machine's own network namespace. Their addresses sit on one bridge that has
no ports; each pod hangs on its own veth, routed by the kernel (CNI's `ptp`), so no bridge
filtering is needed. Nothing listens where other machines could reach it, except the API server,
which `network.py` closes to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

POD_CIDR = "10.199.0.0/16"
SERVICE_CIDR = "10.198.0.0/16"
KUBERNETES_SERVICE = "10.198.0.1"
DNS_SERVICE = "10.198.0.10"
DOMAIN = "cluster.local"
LINK = "transit0"  # carries the nodes' addresses
NFT_TABLE = "transit_dev"
CGROUP = "transit-dev"

API_PORT = 16443
API_URL = f"https://127.0.0.1:{API_PORT}"
ETCD_PORT = 12379
ETCD_PEER_PORT = 12380
CONTROLLER_MANAGER_PORT = 11257
SCHEDULER_PORT = 11259
PROXY_HEALTH_PORT = 11256
PROXY_METRICS_PORT = 11249

GATEWAY_PORT = 18080  # the demo's traffic, on loopback
GATEWAY_ADMIN_PORT = 18081  # Traefik's ping, on loopback
GATEWAY_URL = f"http://127.0.0.1:{GATEWAY_PORT}"


@dataclass(frozen=True)
class Node:
    """One node: a kubelet and a containerd of its own on this machine."""

    name: str
    index: int
    labels: dict[str, str]
    taints: tuple[tuple[str, str, str], ...] = ()
    extended: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The node's own address."""
        return f"10.199.0.{self.index}"

    @property
    def pod_subnet(self) -> str:
        """The addresses of its pods."""
        return f"10.199.{self.index}.0/24"

    @property
    def kubelet_port(self) -> int:
        """Where the API server reaches the kubelet."""
        return 11250 + self.index

    @property
    def health_port(self) -> int:
        """The kubelet's health check, on loopback."""
        return 11240 + self.index

    @property
    def cgroup(self) -> str:
        """The parent of its pods' groups; in a shared one kubelets kill each other's pods."""
        return f"{CGROUP}/{self.name}"


NODES = (
    Node("cpu-0", 1, {"transit.dev/pool": "cpu"}),
    Node(
        "gpu-0",
        2,
        {"transit.dev/pool": "gpu"},
        taints=(("nvidia.com/gpu", "present", "NoSchedule"),),
        extended={"nvidia.com/gpu": "4"},
    ),
)
CONTROL = NODES[0]  # the API server is reached by pods at this node's address
