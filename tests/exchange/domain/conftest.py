"""Every test of the venue ends with an audit: whatever it did, sums, holds, books and the replay must agree."""

from collections.abc import Iterator

import pytest

from tests.exchange.domain.audit import Auditor
from tests.market import Market


@pytest.fixture
def market() -> Iterator[Market]:
    """Gives a market, and audits what the test did to it."""
    market = Market()
    yield market
    Auditor(market).check()
