"""How often a good version is rolled back, and how fast a bad one is caught.

`python -m benchmarks.simulation` drives the operator's rules with made-up traffic; nothing else
runs, so it needs no cluster. `docs/concepts/statistics.md` has the results.
"""
