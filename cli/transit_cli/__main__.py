"""`python -m transit_cli`, the same as `transit`."""

from .main import main

main()
