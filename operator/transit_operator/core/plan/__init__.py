"""Who gets which share of the traffic, and how many pods carry it."""
