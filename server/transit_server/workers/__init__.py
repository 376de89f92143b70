"""Several processes that serve as one (`TRANSIT_WORKERS`); nothing of it is imported for one.

`supervisor` starts the processes and watches them; `worker` is the main function of each. A worker
knows the others through `siblings`: it answers for all of them when it is asked for readiness or
metrics, which `merge` adds up. docs/decisions/0017-worker-processes.md says why.
"""
