#!/usr/bin/env bash
# Create the virtual environment with every pinned dependency: dev/venv.sh PYTHON VENV
# Neighbours: the Makefile calls it when requirements/dev.txt changed.
set -euo pipefail
python=$1 venv=$2

if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'; then
  echo "Transit needs Python 3.11 to 3.13; $python is $("$python" --version). Try: make PYTHON=python3.12 …" >&2
  exit 1
fi
# Debian's Python comes without ensurepip, and batman-package is compiled.
debian=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
missing=()
"$python" -c 'import ensurepip' 2>/dev/null || missing+=("$debian-venv")
command -v gcc >/dev/null || missing+=(gcc libc6-dev)
"$python" -c 'import sysconfig, pathlib, sys; sys.exit(not (pathlib.Path(sysconfig.get_paths()["include"]) / "Python.h").exists())' || missing+=("$debian-dev")
if ((${#missing[@]})); then
  echo "installing ${missing[*]}"
  if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null; }; then
    echo "could not install ${missing[*]}: do it as root, or take another Python: make PYTHON=python3 …" >&2
    exit 1
  fi
fi

# pip takes a package for installed that an interrupted run has written half.
if [[ -e $venv/unfinished ]]; then
  echo "removing $venv: its installation was interrupted"
  rm -rf "$venv"
fi
echo "creating $venv (about a minute the first time)"
"$python" -m venv "$venv"
touch "$venv/unfinished"
"$venv/bin/pip" install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
for format in requirements/format-*.txt; do  # without what they depend on, see decision 0036
  "$venv/bin/pip" install -q --disable-pip-version-check --require-hashes --no-deps -r "$format"
done
PYTHONWARNINGS=ignore "$venv/bin/pip" install -q --disable-pip-version-check --no-deps --no-build-isolation -e . -e ./cli
rm "$venv/unfinished"
