"""Past rollouts, decided anew by the operator's own pure core under another policy.

The only part of the command line that needs the operator's package, and of that `core` and `api`
only: nothing of a decision is copied. `commands.replay` says how to install it where it is missing.
"""
