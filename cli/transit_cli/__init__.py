"""The command line of Transit, which docs/reference/cli.md describes.

`main` is the table of commands; `commands` parse and decide what is printed; `cluster` does all
input and output; `rollout` reads a ModelDeployment and is pure; `screens` draw. Nothing here
imports the operator.
"""
