"""Keys, certificates and kubeconfigs of the local cluster, made with the openssl command."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from .. import paths, shape, shell

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "365"]


def folder() -> Path:
    """Where the keys are; only root may look."""
    return paths.state() / "pki"


def certificate(name: str) -> Path:
    """The certificate of that name."""
    return folder() / f"{name}.crt"


def key(name: str) -> Path:
    """The private key of that name."""
    return folder() / f"{name}.key"


def create() -> None:
    """Everything the control plane and the nodes need to trust each other."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    for authority in ("ca", "front-proxy-ca", "etcd-ca"):
        _authority(authority)
    api_names = [
        f"IP:{shape.KUBERNETES_SERVICE}",
        f"IP:{shape.CONTROL.address}",
        "IP:127.0.0.1",
        "DNS:localhost",
        "DNS:kubernetes",
        "DNS:kubernetes.default",
        "DNS:kubernetes.default.svc",
        f"DNS:kubernetes.default.svc.{shape.DOMAIN}",
    ]
    _issue("apiserver", "ca", "kube-apiserver", names=api_names)
    _issue("apiserver-kubelet-client", "ca", "kube-apiserver-kubelet-client", "system:masters")
    _issue("front-proxy-client", "front-proxy-ca", "front-proxy-client")
    _issue("etcd", "etcd-ca", "etcd", names=["IP:127.0.0.1", "DNS:localhost"])
    _issue("etcd-client", "etcd-ca", "kube-apiserver-etcd-client")
    for node in shape.NODES:
        _issue(f"kubelet-{node.name}", "ca", node.name, names=[f"IP:{node.address}"])
        _client(f"node-{node.name}", f"system:node:{node.name}", "system:nodes")
    _client("admin", "kubernetes-admin", "system:masters")
    _client("controller-manager", "system:kube-controller-manager")
    _client("scheduler", "system:kube-scheduler")
    _client("proxy", "system:kube-proxy")
    _service_account_key()
    paths.kubeconfig().write_text(kubeconfig("admin").read_text())
    paths.kubeconfig().chmod(0o600)


def kubeconfig(name: str) -> Path:
    """The kubeconfig of a component, made with its certificate."""
    return folder() / f"{name}.kubeconfig"


def _authority(name: str) -> None:
    subject = ["-x509", *CURVE, "-subj", f"/CN=transit-dev-{name}"]
    shell.output(
        [
            *("openssl", "req", *subject, "-keyout", key(name), "-out", certificate(name)),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"),
        ]
    )


def _issue(
    name: str, authority: str, user: str, group: str = "", names: Sequence[str] = ()
) -> None:
    subject = f"/O={group}/CN={user}" if group else f"/CN={user}"
    extensions = [
        "basicConstraints=critical,CA:FALSE",
        "keyUsage=critical,digitalSignature",
        "extendedKeyUsage=clientAuth,serverAuth",
    ]
    if names:
        extensions.append(f"subjectAltName={','.join(names)}")
    options = [part for extension in extensions for part in ("-addext", extension)]
    signer = ["-CA", certificate(authority), "-CAkey", key(authority)]
    shell.output(
        [
            *("openssl", "req", "-x509", *CURVE, "-subj", subject, *signer, *options),
            *("-keyout", key(name), "-out", certificate(name)),
        ]
    )


def _client(name: str, user: str, group: str = "") -> None:
    _issue(name, "ca", user, group)
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "transit-dev",
                "cluster": {
                    "server": shape.API_URL,
                    "certificate-authority-data": _base64(certificate("ca")),
                },
            }
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": _base64(certificate(name)),
                    "client-key-data": _base64(key(name)),
                },
            }
        ],
        "contexts": [{"name": "transit-dev", "context": {"cluster": "transit-dev", "user": name}}],
        "current-context": "transit-dev",
    }
    kubeconfig(name).touch(mode=0o600)
    kubeconfig(name).write_text(json.dumps(content, indent=1))


def _service_account_key() -> None:
    shell.output(["openssl", "genrsa", "-out", key("service-account"), "2048"])
    public = certificate("service-account")
    shell.output(["openssl", "rsa", "-in", key("service-account"), "-pubout", "-out", public])


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
