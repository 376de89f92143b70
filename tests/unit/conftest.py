"""Property-based tests say the same on every run and every machine."""

import os

from hypothesis import HealthCheck, settings

for name, examples in (("default", 50), ("long", 2000)):
    settings.register_profile(
        name,
        derandomize=True,
        deadline=None,
        database=None,
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
