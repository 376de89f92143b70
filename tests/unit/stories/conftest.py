"""What `checked_world` asserts is told with its values where it doesn't hold, as a test's own."""

import pytest

pytest.register_assert_rewrite("tests.unit.stories.checked_world")
