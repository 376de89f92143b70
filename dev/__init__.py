"""Tools for developing Transit. Nothing here is part of what gets installed."""
