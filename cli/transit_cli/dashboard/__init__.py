"""The live page: what the command line reads, in a browser; server-rendered, pushed by events.

`serve` starts it, `app` puts it together. What a rollout says stays in `rollout`, what is asked of
the cluster in `cluster`: here it is only laid out. See docs/guides/dashboard.md.
"""
