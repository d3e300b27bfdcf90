"""Events of proceeds whose bytes stand in `golden/`; see `golden_events`."""

from exchange.domain.carbon.proceeds_forms import ProceedsNamed, ProceedsPaid, ProceedsShare, ShareRole
from exchange.domain.forms import Event

PROCEEDS_EVENTS: dict[tuple[str, int], list[Event]] = {
    ("proceeds_named", 1): [
        ProceedsNamed(
            "ops",
            "CAR",
            "1568",
            "ACME-1",
            (
                ProceedsShare(ShareRole.COMMUNITY, "EJIDO-1", 600_000),
                ProceedsShare(ShareRole.DEVELOPER, "ACME-1", 385_000),
                ProceedsShare(ShareRole.REGISTRY_FEE, "CAR-1", 15_000),
            ),
        )
    ],
    ("proceeds_paid", 1): [
        ProceedsPaid(
            1234,
            "CAR",
            "1568",
            200_000,
            389_610_000,
            ShareRole.COMMUNITY,
            "EJIDO-1",
            "ACME-1",
            "USD",
            233_766_000,
        )
    ],
}
