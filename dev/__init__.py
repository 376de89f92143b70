"""Tools for developing Transit. Nothing here is part of what gets installed.

- `cluster` makes a local Kubernetes, with nothing but the standard library; `client` is the way to
  a cluster that is up.
- `demo` rolls out good and bad versions there; `gitops` does so by commits that Argo CD syncs.
- `suite` runs the tests by suites, `check.sh` what needs no cluster, `audit` asks for known
  vulnerabilities.
- `chart`, `reference` and `gateway_schema` write what is generated (`generated` compares it),
  `vendor` takes the live page's scripts, `site` builds the documentation.
- `venv.sh` installs and `requirements.sh` pins what all of it depends on; `sbom` says what an image
  has.
"""
