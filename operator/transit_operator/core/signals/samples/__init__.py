"""What the signals ask Prometheus, and how its samples are read."""
