#!/usr/bin/env bash
# Pin every dependency with hashes and without index addresses, for Python 3.11 to 3.13.
set -euo pipefail
unset PIP_FIND_LINKS UV_FIND_LINKS
compile_of() {
  .venv/bin/uv pip compile -q "$@" --python-version 3.11 \
    --generate-hashes --no-header --no-emit-index-url --upgrade
}
compile() { compile_of pyproject.toml "$@"; }
compile --universal --extra operator --extra registry -o requirements/operator.txt
compile --universal --extra server -o requirements/server.txt
compile --python-platform linux --extra server-gpu -o requirements/server-gpu.txt
# Of each format that an image can leave out, the package alone.
for format in catboost lightgbm skops tf_keras; do
  .venv/bin/uv pip compile -q - --no-deps --python-version 3.11 --universal \
    --generate-hashes --no-header --no-annotate --no-emit-index-url --upgrade \
    -o "requirements/format-$format.txt" <<<"$format"
done
compile cli/pyproject.toml --universal --extra operator --extra registry --extra server --extra training \
  --extra dev \
  -o requirements/dev.txt
compile_of cli/pyproject.toml --universal -c requirements/dev.txt -o requirements/cli.txt
# The documentation's tools go into the same environment, so they agree with it.
compile_of - --universal -c requirements/dev.txt --no-annotate -o requirements/docs.txt <<<zensical
# What lists the contents of an image, in a stage of its build that isn't part of it.
compile_of - --universal -c requirements/dev.txt -o requirements/sbom.txt <<<cyclonedx-bom
# MLflow's server, for tests of the model store, in an environment of its own (dev/cluster/programs/mlflow.py):
# one of our tools wants a GraphQL that it can't have. What loads its models agrees with ours.
compile_of - --universal -c <(sed '/^graphql-core==/,/# via/d' requirements/dev.txt) --no-annotate -o requirements/mlflow.txt <<<'mlflow[auth]'
