"""The rules of a rollout, one file each, in the order of `core.decide`."""
