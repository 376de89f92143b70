"""The control plane as host processes: etcd, API server, controller manager, scheduler, kube-proxy.

Each function says how one of them is run; `cluster.py` starts them in order.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request

from .. import paths, shape, versions
from . import pki
from .daemons import Daemon


def _program(name: str, version: str = versions.KUBERNETES) -> str:
    return str(paths.binary(name, version))


def etcd() -> Daemon:
    """The store. A development cluster's data may be lost with the machine, so no fsync."""
    client = f"https://127.0.0.1:{shape.ETCD_PORT}"
    peer = f"http://127.0.0.1:{shape.ETCD_PEER_PORT}"
    return Daemon(
        "etcd",
        (
            _program("etcd", versions.ETCD),
            f"--data-dir={paths.state() / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            f"--cert-file={pki.certificate('etcd')}",
            f"--key-file={pki.key('etcd')}",
            f"--trusted-ca-file={pki.certificate('etcd-ca')}",
            "--client-cert-auth",
            "--unsafe-no-fsync",
            "--log-level=warn",
            "--quota-backend-bytes=8589934592",
            "--auto-compaction-retention=10m",
        ),
    )


def api_server() -> Daemon:
    """RBAC on, admission at its defaults; `network.py` says who gets in."""
    return Daemon(
        "kube-apiserver",
        (
            _program("kube-apiserver"),
            f"--etcd-servers=https://127.0.0.1:{shape.ETCD_PORT}",
            f"--etcd-cafile={pki.certificate('etcd-ca')}",
            f"--etcd-certfile={pki.certificate('etcd-client')}",
            f"--etcd-keyfile={pki.key('etcd-client')}",
            f"--secure-port={shape.API_PORT}",
            f"--advertise-address={shape.CONTROL.address}",
            f"--service-cluster-ip-range={shape.SERVICE_CIDR}",
            f"--tls-cert-file={pki.certificate('apiserver')}",
            f"--tls-private-key-file={pki.key('apiserver')}",
            f"--client-ca-file={pki.certificate('ca')}",
            f"--service-account-issuer=https://kubernetes.default.svc.{shape.DOMAIN}",
            f"--service-account-key-file={pki.certificate('service-account')}",
            f"--service-account-signing-key-file={pki.key('service-account')}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--kubelet-certificate-authority={pki.certificate('ca')}",
            f"--kubelet-client-certificate={pki.certificate('apiserver-kubelet-client')}",
            f"--kubelet-client-key={pki.key('apiserver-kubelet-client')}",
            "--kubelet-preferred-address-types=InternalIP",
            f"--proxy-client-cert-file={pki.certificate('front-proxy-client')}",
            f"--proxy-client-key-file={pki.key('front-proxy-client')}",
            f"--requestheader-client-ca-file={pki.certificate('front-proxy-ca')}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--cert-dir={paths.state() / 'apiserver'}",
            "--allow-privileged=true",
        ),
    )


def controller_manager() -> Daemon:
    """The built-in controllers, each with an account of its own."""
    return Daemon(
        "kube-controller-manager",
        (
            _program("kube-controller-manager"),
            f"--kubeconfig={pki.kubeconfig('controller-manager')}",
            f"--authentication-kubeconfig={pki.kubeconfig('controller-manager')}",
            f"--authorization-kubeconfig={pki.kubeconfig('controller-manager')}",
            f"--root-ca-file={pki.certificate('ca')}",
            f"--cluster-signing-cert-file={pki.certificate('ca')}",
            f"--cluster-signing-key-file={pki.key('ca')}",
            f"--service-account-private-key-file={pki.key('service-account')}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={shape.CONTROLLER_MANAGER_PORT}",
            f"--cert-dir={paths.state() / 'controller-manager'}",
        ),
    )


def scheduler() -> Daemon:
    """The scheduler at its defaults."""
    return Daemon(
        "kube-scheduler",
        (
            _program("kube-scheduler"),
            f"--kubeconfig={pki.kubeconfig('scheduler')}",
            f"--authentication-kubeconfig={pki.kubeconfig('scheduler')}",
            f"--authorization-kubeconfig={pki.kubeconfig('scheduler')}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={shape.SCHEDULER_PORT}",
            f"--cert-dir={paths.state() / 'scheduler'}",
        ),
    )


def proxy() -> Daemon:
    """Services for both nodes, which share the machine's network. Changes no conntrack limit."""
    file = paths.state() / "proxy" / "config.yaml"
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(pki.kubeconfig("proxy"))},
        "mode": "nftables",
        "clusterCIDR": shape.POD_CIDR,
        "hostnameOverride": shape.CONTROL.name,
        "healthzBindAddress": f"127.0.0.1:{shape.PROXY_HEALTH_PORT}",
        "metricsBindAddress": f"127.0.0.1:{shape.PROXY_METRICS_PORT}",
        "oomScoreAdj": 0,
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "nftables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
    }
    return Daemon(
        "kube-proxy",
        (_program("kube-proxy"), f"--config={file}"),
        files={str(file): json.dumps(config, indent=1)},
    )


def api_ready() -> bool:
    """Whether the API server says that it is ready."""
    trust = ssl.create_default_context(cafile=str(pki.certificate("ca")))
    trust.load_cert_chain(str(pki.certificate("admin")), str(pki.key("admin")))
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    )
    try:
        with direct.open(f"{shape.API_URL}/readyz", timeout=3) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
