"""Tests of the venue: every decider with its event lists, and random commands under an auditor."""

import pytest

pytest.register_assert_rewrite("tests.exchange.domain.audit", "tests.exchange.domain.expected")
