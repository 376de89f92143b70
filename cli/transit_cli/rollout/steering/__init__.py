"""What is asked of a rollout and what became of it: commands, versions, the end; of `status`."""
