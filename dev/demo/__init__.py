"""`make demo`: a real rollout of good and bad models on a real cluster, with real traffic.

Run as `.venv/bin/python -m dev.demo` once `python3 -m dev.cluster up` and `images` are done. Read
`__main__.py` first (the order of things), then `scenarios.py` (what is rolled out, and how it must
end) and `stage.py` (what a scenario may do). `Traffic`, `Watch` and `Kube` serve the end-to-end
tests too; `incidents.py` says whose fault a failed request was.
"""
