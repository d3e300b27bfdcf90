"""The tests mirror the rooms of the project."""

import pytest

# Before anybody imports it: its assertions shall say what was wrong.
pytest.register_assert_rewrite("tests.market")
