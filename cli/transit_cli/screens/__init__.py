"""What is seen: rich renderables made of values, with colours on a terminal only."""
