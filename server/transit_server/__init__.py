"""Transit's inference server: models from the store, served over HTTP.

The packages, from the outside in; each imports only those below it:

- `main`, `app`: the process and the table of routes.
- `http`: HTTP only: reading bodies, statuses, headers, the OpenAPI document.
- `api`: what the guide's API and the Open Inference Protocol mean, without any transport.
- `serving`: models in memory: loading, batching, isolation of bad rows.
- `formats`: one file per model format.
- `metrics`, `settings`, `errors`, `deadlines`: used by all of them.
"""
