"""What all tests share: the profiles of hypothesis and the folder of public data."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "dev", max_examples=50, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=200)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

DATA_DIR = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Gives the folder of public test data beside the checkout, or skips."""
    if not DATA_DIR.is_dir():
        pytest.skip("the folder ../shared/data with the public test data is not there")
    return DATA_DIR
