"""For whoever publishes a model: what the server would make of it, before it is published.

`look` describes a model's file for `transit-models pack`, `trial` is `transit-models try`. Both run
in a process of their own, since opening a model runs its code.
"""
