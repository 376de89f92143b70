"""What the APIs mean, free of any transport: `guide` (the user's guide) and `v2` (the Open
Inference Protocol), over what `decoding` reads.
"""
