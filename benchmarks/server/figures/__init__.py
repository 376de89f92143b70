"""What is measured: one load, rounds of it, rows of figures, and what they say."""
