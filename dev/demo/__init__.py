"""`make demo`: a real rollout of good and bad models on a real cluster, with real traffic.

Run as `.venv/bin/python -m dev.demo` once `python3 -m dev.cluster up` and `images` are done. Read
`__main__.py` first (the order of things), then `play/` (what is rolled out, and how it must end).
`provision/` is what has to be there before, `seen/` what is observed meanwhile and whose fault a
failed request was, `terminal/` what a person has before the eyes; `report.py` and `diagnose.py` are
the two ways in which it ends. The end-to-end tests and benchmarks use the same stage, with
`dev.client` as their way to the cluster.
"""
