"""The live page as a pod: it reads with the pod's account and acts with the visitor's own token.

`python -m transit_cli.dashboard.incluster` is what the image runs. `gate` stands before the page,
`visitors` finds out who somebody is, `signing` has the form. See docs/guides/dashboard.md.
"""
