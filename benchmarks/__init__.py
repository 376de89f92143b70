"""Benchmarks: measurements to read, not tests; each package says how it measures."""
