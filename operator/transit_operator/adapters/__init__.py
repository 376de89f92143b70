"""The outside world: the Kubernetes API and Prometheus. Errors of clients end here as few named ones."""
