"""Runs the operator: kopf handlers, cache, work queue, and observe → decide → execute."""
