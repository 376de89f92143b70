"""The test suites: what each is for, how it is run, and how long it takes.

`python -m dev.suite --help`. `docs/testing.md` has the figures.
"""
