"""The outside world: the Kubernetes API and Prometheus. Clients' errors end here."""
