"""The play itself: which versions are rolled out, how each must end, and who asks for them.

Read `scenarios.py` first, then `stage.py` (what a scenario may do and see). `shown.py` is the stage
for somebody who looks on, and `gitops.py` the one where commits ask for the versions.
"""
