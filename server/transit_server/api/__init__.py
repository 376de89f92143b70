"""What the APIs mean, free of any transport: `guide` (the user's guide) and `openinference` (the v2
protocol).
"""
