"""All reads, into one frozen value: the cache, and what its objects mean."""
