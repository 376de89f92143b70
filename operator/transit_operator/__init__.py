"""The Transit operator: moves traffic between revisions of a model and rolls back by itself.

Layers, each importing only those above it:

- `api`      the typed resource (spec, status, names); the CRD is generated from it
- `core`     pure decisions: no I/O, no clock
- `routers`  pure: how a planned weight becomes Kubernetes objects, and how it is read back
- `adapters` the Kubernetes API and Prometheus
- `runtime`  kopf handlers, cache, work queue and the reconcile loop that joins the rest
"""
