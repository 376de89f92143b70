"""What of the Helm chart is generated: the CRD, the values' schema and table, the dashboards.

`python -m dev.chart` writes them (`make crds`), `--check` says what differs. Sources are the typed
resource and configuration of the operator, `charts/transit/values.yaml` with its comments, and
`dashboards` here.
"""
