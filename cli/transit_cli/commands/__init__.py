"""One file for each command: its options, what it does, its exit code."""
