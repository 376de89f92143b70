"""The signals by which a candidate is judged."""
