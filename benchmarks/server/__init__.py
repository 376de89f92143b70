"""The inference server against its peers: `python -m benchmarks.server`, or `make bench-server`."""
