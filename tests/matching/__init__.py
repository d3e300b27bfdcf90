"""Tests of the order book: edge cases on the fast book and on the oracle, and random comparisons of both."""

import pytest

pytest.register_assert_rewrite("tests.matching.market", "tests.matching.replay")
