"""Transit's inference server: models from the store, served over HTTP.

The packages, from the outside in; each imports only those below it:

- `main`, `runtime.process`: the command and the process.
- `app`: the table of routes.
- `desk`: what a publisher of a model asks, without HTTP.
- `http`: HTTP only: keys, limits, reading bodies, statuses, headers, the OpenAPI document.
- `api`: what the guide's API and the Open Inference Protocol mean, without any transport.
- `serving`: models in memory: loading, batching, isolation of bad rows.
- `formats`: one file per model format.
- `observability`: metrics, logs, traces.
- `runtime`: what is left of it: the process's life, deadlines, processors, last words.
- `settings`, `errors`: used by all of them.
"""
