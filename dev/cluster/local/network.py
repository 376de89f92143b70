"""The local cluster's traces in the machine's network: link, route, nftables table, sysctl.

kube-proxy runs in nftables mode and keeps to the tables named `kube-proxy`; pods' veths end with
their network namespaces. So taking the network down is deleting what is named here, and no more.
"""

from __future__ import annotations

from pathlib import Path

from .. import shape, shell
from ..ui import StepFailed

# The address of a pod or Service that is gone has no route of its own: without UNREACHABLE and
# `stay`, what is sent there leaves the machine, to be dropped or answered by whoever is out there.
UNREACHABLE = ["unreachable", shape.POD_CIDR]
RULES = f"""
table inet {shape.NFT_TABLE} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {shape.POD_CIDR} ip daddr != {{ {shape.POD_CIDR}, {shape.SERVICE_CIDR} }} \
fib daddr type != local masquerade
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
    iifname "lo" accept
    ip saddr {shape.POD_CIDR} accept
    tcp dport {shape.API_PORT} drop
  }}
  chain stay {{
    ip daddr {shape.SERVICE_CIDR} reject with icmp host-unreachable
  }}
  chain output {{
    type filter hook output priority filter; policy accept;
    jump stay
  }}
  chain forward {{
    type filter hook forward priority filter; policy accept;
    jump stay
  }}
}}
"""
FORWARDS = [
    [direction, shape.POD_CIDR, "-m", "comment", "--comment", "transit-dev", "-j", "ACCEPT"]
    for direction in ("-s", "-d")
]


def create() -> None:
    """The nodes' addresses, forwarding between pods, an API server only we and pods reach."""
    if not Path(f"/sys/class/net/{shape.LINK}").exists():
        shell.output(["ip", "link", "add", shape.LINK, "type", "bridge"])
    for node in shape.NODES:
        shell.output(["ip", "address", "replace", f"{node.address}/32", "dev", shape.LINK])
    shell.output(["ip", "link", "set", shape.LINK, "up"])
    shell.output(["ip", "route", "replace", *UNREACHABLE])
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    _delete_tables(["inet", shape.NFT_TABLE])
    shell.output(["nft", RULES])
    if _forwarding_is_refused():
        for rule in FORWARDS:
            shell.output(["iptables", "-w", "-I", "FORWARD", *rule])


def remove() -> None:
    """Take all of it away, kube-proxy's tables too. Forwarding stays on: others may rely on it."""
    _delete_tables(["inet", shape.NFT_TABLE], ["ip", "kube-proxy"], ["ip6", "kube-proxy"])
    for rule in FORWARDS:
        while shell.succeeds(["iptables", "-w", "-C", "FORWARD", *rule]):
            shell.output(["iptables", "-w", "-D", "FORWARD", *rule])
    shell.succeeds(["ip", "route", "delete", *UNREACHABLE])  # fails if it is gone
    if Path(f"/sys/class/net/{shape.LINK}").exists():
        shell.output(["ip", "link", "delete", shape.LINK])


def remove_pod_links() -> None:
    """Delete the links of dead pods: left to the kernel, some stay for a minute."""
    for route in _pod_routes():
        words = route.split()
        link = words[words.index("dev") + 1]
        # gone meanwhile is as good; `is_quiet` tells
        shell.succeeds(["ip", "link", "delete", link])


def is_quiet() -> bool:
    """Whether no pod's link is left."""
    return not _pod_routes()


def _pod_routes() -> list[str]:
    show = ["ip", "route", "show", "type", "unicast", "root", shape.POD_CIDR]
    return shell.output(show).splitlines()


def resolv_conf() -> str:
    """The name servers pods may ask. One on the machine's own loopback would be the pod's own."""
    systemd = Path("/run/systemd/resolve/resolv.conf")
    source = systemd if systemd.exists() else Path("/etc/resolv.conf")
    lines = source.read_text().splitlines() if source.exists() else []
    servers = [
        line
        for line in lines
        if line.startswith("nameserver") and not line.split()[1].startswith(("127.", "::1"))
    ]
    return "".join(f"{line}\n" for line in servers[:3])


def _delete_tables(*tables: list[str]) -> None:
    for family, name in tables:
        if shell.succeeds(["nft", "list", "table", family, name]):
            shell.output(["nft", "delete", "table", family, name])


def _forwarding_is_refused() -> bool:
    """Docker sets the policy of iptables' FORWARD chain to DROP, which no other table can undo."""
    try:
        return "-P FORWARD DROP" in shell.output(["iptables", "-w", "-S", "FORWARD"])
    except (StepFailed, OSError):  # no iptables: nothing refuses
        return False
