"""The running cluster from outside: commands, ports that lead into it, objects that are followed.

For whoever works with a cluster that is up: the demo, `dev.gitops`, the benchmarks and the tests.
Start at `kube.py`. Neighbour: `dev.cluster` makes the cluster and knows which one this machine has.
"""
