"""Builds the cluster's Go programs, all in one module, so that what they share is compiled once.

The module is written into the cache (never into the tree) from `versions.py`. Kubernetes' own
go.mod points its `k8s.io/*` libraries at its source tree; here each is replaced by its published
twin (1.36.3 -> v0.36.3). Go's minimal version selection makes the rest the same everywhere.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import paths, shell, versions
from ..ui import Note, step
from . import packages

# Prometheus finds pods through Kubernetes only; the clouds' libraries stay out.
TAGS = "remove_all_sd,enable_kubernetes_sd"


@dataclass(frozen=True)
class Program:
    """One executable: its main package, its version, and the file name `go build` gives it.

    `module` is given for one that asks for newer libraries than the others. It gets the cluster's
    release of those that both have, or with `own_libraries` those that it was released with.
    """

    name: str
    package: str
    version: str
    built_as: str = ""
    module: str = ""
    own_libraries: bool = False

    @property
    def path(self) -> Path:
        """Where the executable is kept."""
        return paths.binary(self.name, self.version)


def _kubernetes(name: str) -> Program:
    return Program(name, f"k8s.io/kubernetes/cmd/{name}", versions.KUBERNETES)


PROGRAMS = {
    program.name: program
    for program in (
        _kubernetes("kube-apiserver"),
        _kubernetes("kube-controller-manager"),
        _kubernetes("kube-scheduler"),
        _kubernetes("kubelet"),
        _kubernetes("kube-proxy"),
        _kubernetes("kubectl"),
        Program("etcd", "go.etcd.io/etcd/server/v3", versions.ETCD, built_as="server"),
        Program("helm", "helm.sh/helm/v3/cmd/helm", versions.HELM),
        Program("coredns", "./coredns", versions.COREDNS),
        Program("pause", "./pause", versions.PAUSE),
        Program(
            "prometheus", "github.com/prometheus/prometheus/cmd/prometheus", versions.PROMETHEUS
        ),
        Program("promtool", "github.com/prometheus/prometheus/cmd/promtool", versions.PROMETHEUS),
        Program("minio", "github.com/minio/minio", versions.MINIO),
        Program("kwok", "sigs.k8s.io/kwok/cmd/kwok", versions.KWOK),
        Program(
            "metrics-server",
            "sigs.k8s.io/metrics-server/cmd/metrics-server",
            versions.METRICS_SERVER,
            module="sigs.k8s.io/metrics-server",
        ),
        Program(
            "argocd",
            "github.com/argoproj/argo-cd/v3/cmd",
            versions.ARGOCD,
            built_as="cmd",
            module="github.com/argoproj/argo-cd/v3",
            own_libraries=True,
        ),
        Program(
            "envoy-gateway",
            "github.com/envoyproxy/gateway/cmd/envoy-gateway",
            versions.ENVOY_GATEWAY,
            module="github.com/envoyproxy/gateway",
            own_libraries=True,
        ),
        Program(
            "fake-gcs-server",
            "github.com/fsouza/fake-gcs-server",
            versions.FAKE_GCS,
            module="github.com/fsouza/fake-gcs-server",
            own_libraries=True,
        ),
        Program(
            "registry",
            "./registry",
            versions.DISTRIBUTION,
            module="github.com/distribution/distribution/v3",
            own_libraries=True,
        ),
        Program("kstatus", "./kstatus", versions.CLI_UTILS, module="sigs.k8s.io/cli-utils"),
        Program(
            "kubeconform",
            "github.com/yannh/kubeconform/cmd/kubeconform",
            versions.KUBECONFORM,
            module="github.com/yannh/kubeconform",
            own_libraries=True,
        ),
    )
}
OPTIONAL = (
    "kwok",
    "metrics-server",
    "promtool",
    "argocd",
    "envoy-gateway",
    "kstatus",
    "kubeconform",
    "fake-gcs-server",
    "registry",
)


def build(wanted: Sequence[str] = ()) -> None:
    """Build what is missing of `wanted` (default: everything but the optional ones)."""
    names = wanted or [name for name in PROGRAMS if name not in OPTIONAL]
    missing = [PROGRAMS[name] for name in names if not PROGRAMS[name].path.exists()]
    if not missing:
        return
    packages.ensure_programs(packages.BUILD_PROGRAMS)
    go = packages.go()
    shared = paths.cache() / "gomod"
    _write_module(go, shared)
    for program in missing:
        if program.module:
            folder = paths.cache() / f"gomod-{program.name}"
            _write_module_apart(go, folder, program, shared)
            _build(go, folder, [program])
    if together := [program for program in missing if not program.module]:
        _build(go, shared, together)


def _build(go: Path, folder: Path, missing: Sequence[Program]) -> None:
    """Build programs of one module."""
    log = paths.logs() / "go-build.log"
    log.unlink(missing_ok=True)
    hint = f"the same command again (what is compiled stays compiled); the module is in {folder}"
    env = {"CGO_ENABLED": "0"}
    with step("Go modules: resolve and download", hint):
        listing: list[object] = [
            go,
            "list",
            "-mod=mod",
            "-deps",
            "-tags",
            TAGS,
            *(program.package for program in missing),
        ]
        seen: list[str] = []
        shell.run(listing, log, env=env, cwd=folder, on_line=seen.append)
        total = len({line for line in seen if " " not in line})
    title = missing[0].name if len(missing) == 1 else f"{len(missing)} Go programs"
    with step(f"Build {title}", hint) as note:
        _compile(go, folder, missing, total, note, log)


def links() -> Path:
    """A folder for PATH: kubectl, helm and the others, at the versions wanted now."""
    programs = [program for program in PROGRAMS.values() if program.path.exists()]
    told = "".join(sorted(str(program.path) for program in programs))
    folder = paths.cache() / "path" / hashlib.sha256(told.encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    for program in programs:
        if not (folder / program.name).exists():
            (folder / program.name).symlink_to(program.path)
    return folder


def _compile(
    go: Path, folder: Path, missing: Sequence[Program], total: int, note: Note, log: Path
) -> None:
    out = paths.cache() / "bin" / "new"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    compiled = 0

    def count(line: str) -> None:
        nonlocal compiled
        compiled += 1
        note(f"{compiled} of at most {total} packages, now {line.rpartition('/')[2][:30]}")

    flags = [
        "-v",
        "-mod=mod",
        "-trimpath",
        "-buildvcs=false",
        "-tags",
        TAGS,
        "-ldflags",
        _ldflags(),
    ]
    shell.run(
        [go, "build", *flags, "-o", f"{out}/", *(program.package for program in missing)],
        log,
        env={"CGO_ENABLED": "0"},
        cwd=folder,
        on_line=count,
    )
    for program in missing:
        program.path.parent.mkdir(parents=True, exist_ok=True)
        (out / (program.built_as or program.name)).rename(program.path)
    shutil.rmtree(out, ignore_errors=True)


def _write_module(go: Path, folder: Path) -> None:
    """go.mod and our own small mains; an unchanged one keeps what Go has resolved."""
    kubernetes = _go_mod_text(go, "k8s.io/kubernetes", f"v{versions.KUBERNETES}")
    staged = sorted(set(re.findall(r"^\s*(k8s\.io/\S+) => ", kubernetes, re.M)))
    library = "v0." + versions.KUBERNETES.partition(".")[2]
    prometheus = versions.PROMETHEUS.split(".")
    require = {
        "k8s.io/kubernetes": f"v{versions.KUBERNETES}",
        "go.etcd.io/etcd/server/v3": f"v{versions.ETCD}",
        "helm.sh/helm/v3": f"v{versions.HELM}",
        "github.com/coredns/coredns": f"v{versions.COREDNS}",
        # Prometheus 3.14.0 is v0.314.0 as a Go module
        "github.com/prometheus/prometheus": f"v0.{int(prometheus[0])}{int(prometheus[1]):02d}."
        + prometheus[2],
        "github.com/minio/minio": versions.minio_module_version(),
        "sigs.k8s.io/kwok": f"v{versions.KWOK}",
    }
    lines = ["module transit.dev/cluster-tools", "", "go 1.26.0", ""]
    lines += [f"require {module} {version}" for module, version in require.items()]
    lines += [f"replace {name} => {name} {library}" for name in staged]
    _write_recipe(folder, lines)
    for source in (Path(__file__).parent / "gotools").iterdir():
        shutil.copytree(source, folder / source.name, dirs_exist_ok=True)


def _write_module_apart(go: Path, folder: Path, program: Program, shared: Path) -> None:
    """The module of a program that asks for newer libraries than the others.

    In the shared module it would raise theirs.
    """
    own = _go_mod_text(go, program.module, f"v{program.version}")
    needed = re.search(r"^go (\S+)", own, re.M)
    lines = [f"module transit.dev/cluster-{program.name}", "", f"go {needed[1] if needed else ''}"]
    lines += ["", f"require {program.module} v{program.version}"]
    if program.own_libraries:
        lines += [f"replace {line}" for line in re.findall(r"^\t(\S+ => \S+ \S+)$", own, re.M)]
    else:
        resolved = json.loads(shell.output([go, "mod", "edit", "-json", shared / "go.mod"]))
        pins = {one["Path"]: one["Version"] for one in resolved["Require"]}
        pins |= {one["Old"]["Path"]: one["New"]["Version"] for one in resolved["Replace"]}
        lines += [f"replace {name} => {name} {version}" for name, version in sorted(pins.items())]
    _write_recipe(folder, lines)
    if program.package.startswith("./"):
        source = Path(__file__).parent / "gotools" / program.name
        shutil.copytree(source, folder / program.name, dirs_exist_ok=True)


def _write_recipe(folder: Path, lines: Sequence[str]) -> None:
    """A go.mod, but one that was written from the same lines keeps what Go has resolved."""
    wanted = "\n".join(lines) + "\n"
    recipe = folder / "recipe.txt"
    folder.mkdir(parents=True, exist_ok=True)
    if not recipe.exists() or recipe.read_text() != wanted:
        (folder / "go.mod").write_text(wanted)
        (folder / "go.sum").unlink(missing_ok=True)
        recipe.write_text(wanted)


def _go_mod_text(go: Path, module: str, version: str) -> str:
    answer = json.loads(shell.output([go, "mod", "download", "-json", f"{module}@{version}"]))
    return Path(answer["GoMod"]).read_text()


def _ldflags() -> str:
    """Strip, and stamp each program with its version (a name a program lacks is ignored)."""
    major, minor, _ = versions.KUBERNETES.split(".")
    stamp = {
        "k8s.io/component-base/version.gitVersion": f"v{versions.KUBERNETES}",
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/client-go/pkg/version.gitVersion": f"v{versions.KUBERNETES}",
        "helm.sh/helm/v3/internal/version.version": f"v{versions.HELM}",
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor": major,
        "helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor": minor,
        "github.com/prometheus/common/version.Version": versions.PROMETHEUS,
        "github.com/minio/minio/cmd.ReleaseTag": versions.MINIO,
        "sigs.k8s.io/kwok/pkg/consts.Version": f"v{versions.KWOK}",
    }
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in stamp.items())])
