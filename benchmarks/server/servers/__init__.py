"""Who is measured: what a contestant is, which there are, how their programs are had and run."""
