"""One command brings up a real Kubernetes for development: `python3 -m dev.cluster up`.

Runs before the project's virtual environment exists, so it uses the standard library only.
Start reading at `__main__.py` (the verbs), then `provider.py` (what a cluster must be able to do)
and `local/` (the cluster made of ordinary host processes). Measurements are in README.md.
"""
