"""What has to be there before: the operator, the models in the store, the registry's tables.

Neighbours: `../manifests` has the objects and Helm's values; `dev.cluster` the cluster below it.
"""
