"""Who may ask, how often, and what is logged of it."""
