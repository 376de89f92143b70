"""How the operator bears many ModelDeployments: `python -m benchmarks.scale --help`.

Start at `__main__.py` (the order of things), then `plane.py` (a control plane of its own),
`fleet.py` (ModelDeployments made and changed), `meters.py` (what is read off), and
`run_operator.py` and `exporter.py` (the two processes beside it).
"""
