"""Text that a container is to get as it is written.

In values of variables, in commands and arguments Kubernetes puts the value of a variable in the
place of `$(NAME)`, one out of a Secret too. What a spec says reaches a pod by variables of ours: a
path of a storage such as `$(PASSWORD)` would come back in the words of an error, which the status
has. Neighbours: `template` and `resolver` say by this what isn't the author's own variable.
"""


def literal(text: str) -> str:
    """Return what Kubernetes hands on as `text`."""
    return text.replace("$", "$$")
