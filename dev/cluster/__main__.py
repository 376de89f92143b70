"""The command line: `python3 -m dev.cluster VERB`."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from . import paths, provider, versions
from .local.cluster import build
from .programs import azurite, gobuild, mlflow, packages
from .ui import StepFailed, explain, say

HELP = f"""\
A real two-node Kubernetes {versions.KUBERNETES} for development,
with Gateway API (Traefik), Prometheus and MinIO.

  up          bring it up, or make sure that it is; a healthy one is reused
  status      what runs
  images      up, meanwhile build all images (operator, page, server, tests' puppet), and load them
  metrics     add metrics-server, by which autoscalers and kubectl top see what pods use
  database    add an empty PostgreSQL, built once (a minute), for the demo's registry
  argocd      add Argo CD's core, built once (ten minutes), and a Git server, for tests/gitops
  envoy       add Envoy Gateway, built once (five minutes), for tests/envoy
  postgres    install PostgreSQL's programs, for tests/registry
  redis       install Redis' and Valkey's programs, for tests/server
  load NAME…  load images built here into every node
  env         shell lines for KUBECONFIG and PATH:  eval "$(python3 -m dev.cluster env)"
  kubeconfig  the path of the kubeconfig
  endpoints   how to reach gateway, Prometheus and MinIO
  build       only build the programs (with names: only those, such as kwok or azurite)
  down        take everything away again

Environment:
  CLUSTER                 local (processes on this machine; needs root), kind (Docker), or current
                          (what kubectl points at). Default: kind if it is usable, else local
  TRANSIT_CACHE           what is slow to make and kept: {paths.cache()}
  TRANSIT_STATE           what belongs to the running local cluster: {paths.state()}
  TRANSIT_SCRAPE_INTERVAL how often Prometheus looks at pods, such as 5s (default 2s)
  TRANSIT_REGISTRY        where CLUSTER=current pushes images
"""
DOCKERFILES = {
    versions.OPERATOR_IMAGE: paths.REPOSITORY / "Dockerfile.operator",
    versions.DASHBOARD_IMAGE: paths.REPOSITORY / "Dockerfile.dashboard",
    versions.SERVER_IMAGE: paths.REPOSITORY / "Dockerfile.server",
    versions.PUPPET_IMAGE: paths.REPOSITORY / "tests" / "puppet" / "Dockerfile",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, do, and explain what went wrong."""
    parser = argparse.ArgumentParser(
        prog="python3 -m dev.cluster",
        description=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--provider", choices=provider.NAMES, help="instead of CLUSTER")
    parser.add_argument(
        "verb",
        choices=(
            "up",
            "down",
            "status",
            "build",
            "images",
            "metrics",
            "database",
            "argocd",
            "envoy",
            "postgres",
            "redis",
            "load",
            "env",
            "kubeconfig",
            "endpoints",
        ),
        metavar="VERB",
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args(arguments)
    try:
        return _do(options.verb, options.names, options.provider)
    except StepFailed as failure:
        explain(failure)
        return 1
    except KeyboardInterrupt:
        say("\nStopped. The same command goes on from here.")
        return 130


def _do(verb: str, names: list[str], chosen: str | None) -> int:
    if verb == "build":
        others = {azurite.NAME: azurite.build, mlflow.NAME: mlflow.build}
        for name in others.keys() & set(names):
            others[name]()
        programs = [name for name in names if name not in others]
        if programs or not names:
            gobuild.build(programs) if programs else build()
        return 0
    if verb in ("postgres", "redis"):
        packages.ensure_postgres() if verb == "postgres" else packages.ensure_redis()
        return 0
    cluster = provider.choose(chosen)
    started = time.monotonic()
    match verb:
        case "up":
            with _alone():
                cluster.up()
            say(f"The {cluster.name} cluster is up after {time.monotonic() - started:.0f} s.")
            say('Use it:  eval "$(python3 -m dev.cluster env)"; kubectl get nodes')
        case "down":
            with _alone():
                cluster.down()
        case "status":
            return 0 if cluster.status() else 1
        case "images":
            with _alone(), ThreadPoolExecutor(1) as beside:
                # Building programs computes, building images mostly waits for what it fetches.
                built = beside.submit(cluster.build_images, DOCKERFILES)
                cluster.up()
                built.result()
                cluster.load(list(DOCKERFILES))
        case "metrics":
            with _alone():
                cluster.metrics()
        case "database":
            with _alone():
                cluster.database()
        case "argocd":
            with _alone():
                cluster.argocd()
        case "envoy":
            with _alone():
                cluster.envoy_gateway()
        case "load":
            with _alone():
                cluster.load(names)
        case "kubeconfig":
            say(str(cluster.kubeconfig() or ""))
        case "env":
            if file := cluster.kubeconfig():
                say(f"export KUBECONFIG={file}")
            say(f"export PATH={gobuild.links()}:$PATH")
        case "endpoints":
            say(f"gateway     {cluster.gateway()}")
            say("prometheus  kubectl -n monitoring port-forward service/prometheus 9090")
            say("minio       kubectl -n minio port-forward service/minio 9000")
    return 0


@contextmanager
def _alone() -> Iterator[None]:
    """One bring-up at a time on a machine; a second one waits. The lock leaves no file behind."""
    folder = os.open(paths.state().parent, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another `dev.cluster` is at work; waiting for it.")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


if __name__ == "__main__":
    sys.exit(main())
