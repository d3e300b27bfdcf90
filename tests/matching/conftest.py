"""The edge cases run on the fast book and on the oracle."""

import pytest

from matching.book import OrderBook
from tests.matching.market import Market
from tests.matching.oracle import OracleBook


@pytest.fixture(params=[OrderBook, OracleBook], ids=["fast", "oracle"])
def market(request: pytest.FixtureRequest) -> Market:
    """Gives an empty market."""
    return Market(request.param())
