"""Which of several operators works: the Lease and its rules."""
