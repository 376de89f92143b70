"""One client beside another that means harm: `python -m benchmarks.neighbour`."""
