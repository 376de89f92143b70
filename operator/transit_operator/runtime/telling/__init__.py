"""What the operator says of itself: probes, metrics and the pages that have them."""
