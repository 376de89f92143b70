"""Programs that have to be on the machine: `packages` installs, `gobuild` builds those in Go from
`gosources` and `gotools`, `azurite` comes from npm, `mlflow` from PyPI.
"""
