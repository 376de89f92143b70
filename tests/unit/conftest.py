"""Property-based tests say the same on every run and every machine.

`make check` has a small budget; `make test-long` (HYPOTHESIS_PROFILE=long) a large one.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "unit",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
# Not the same stories every night, and what failed can be told again from the printed blob.
settings.register_profile(
    "long",
    settings.get_profile("unit"),
    derandomize=False,
    max_examples=2000,
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unit"))
