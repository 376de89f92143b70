"""The command line of Transit. `main` is the table of commands; docs/cli.md describes them.

`commands` parse and decide what is printed; `cluster` does all input and output; `rollout` reads a
ModelDeployment and is pure; `screens` draw. Nothing here imports the operator.
"""
