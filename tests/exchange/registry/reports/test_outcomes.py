"""First transfers, derived for each serial number from what happened to it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.carbon.article6_forms import FirstTransfer, Purpose
from exchange.domain.carbon.claim_forms import Claim, ClaimKind
from exchange.domain.carbon.freeze_forms import EndFreeze, FreezeCause, FreezeOutcome, FreezeUnits
from exchange.domain.carbon.label_forms import ReclassifyUnits
from exchange.domain.events import RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock
from exchange.registry.reports.outcomes import Outcomes, fold
from tests.jcm import INSTRUMENT, SOLAR, V23, V24, JcmMarket, authorisation, units
from tests.market import BUSINESS_DATE

if TYPE_CHECKING:
    from exchange.domain.carbon.article6_forms import Authorisation
    from exchange.domain.events import Event

BOTH = (Purpose.NDC, Purpose.OIMP)
OIMP = (Purpose.OIMP,)


@pytest.fixture
def market() -> JcmMarket:
    return JcmMarket()


def outcomes(market: JcmMarket) -> Outcomes:
    return fold(market.recorded, BUSINESS_DATE)


def filed(market: JcmMarket) -> list[tuple[str, str, int, int, int]]:
    """Action, who reports it, units from to, and the first ITMO serial number."""
    return [
        (
            action.action_type.value,
            action.reported_by,
            action.block.first,
            action.block.last,
            action.itmo_first,
        )
        for action in outcomes(market).actions
    ]


def standing(market: JcmMarket) -> list[tuple[int, int, str, int | None]]:
    """Units from to, the Party in whose registry they stand, and how far their ITMO serial numbers are shifted."""
    return [
        (span.first, span.last, span.value.party, span.value.itmo_shift)
        for _, span in outcomes(market).standing()
    ]


def test_a_partial_first_transfer_followed_by_splits(market: JcmMarket) -> None:
    """What was first transferred is only transferred when it is split and sold on; what stayed is first transferred later."""
    market.authorise()
    market.issue(("mn", 100))
    market.trade("mn", "jp", 40)
    # A split of the transferred part comes home, and goes abroad again: never a first transfer any more.
    market.trade("jp", "mn", 10)
    market.trade("mn", "jp", 5)
    market.trade("jp", "th", 20)
    market.trade("mn", "jp", 30)

    assert [
        ("First transfer", "MNG", 1, 40, 1),
        ("Acquisition", "JPN", 1, 40, 1),
        ("Transfer", "JPN", 1, 10, 1),
        ("Acquisition", "MNG", 1, 10, 1),
        ("Transfer", "MNG", 1, 5, 1),
        ("Acquisition", "JPN", 1, 5, 1),
        # The lowest serials of what Japan has: 1 to 5 and 11 to 25.
        ("Transfer", "JPN", 1, 5, 1),
        ("Acquisition", "THA", 1, 5, 1),
        ("Transfer", "JPN", 11, 25, 11),
        ("Acquisition", "THA", 11, 25, 11),
        # Of the lowest serials of what Mongolia has, 6 to 10 were first transferred before, 41 to 65 never.
        ("Transfer", "MNG", 6, 10, 6),
        ("Acquisition", "JPN", 6, 10, 6),
        ("First transfer", "MNG", 41, 65, 41),
        ("Acquisition", "JPN", 41, 65, 41),
    ] == filed(market)
    assert [
        (1, 5, "THA", 0),
        (6, 10, "JPN", 0),
        (11, 25, "THA", 0),
        (26, 65, "JPN", 0),
        (66, 100, "MNG", None),
    ] == standing(market)


def test_an_issuance_shared_between_two_parties(market: JcmMarket) -> None:
    """What is issued into the other Party's registry is first transferred so; the host's share is not."""
    market.authorise()
    market.issue(("mn", 30), ("jp", 70))

    assert [("First transfer", "MNG", 31, 100, 1), ("Acquisition", "JPN", 31, 100, 1)] == filed(market)
    assert [(1, 30, "MNG", None), (31, 100, "JPN", -30)] == standing(market)


def test_accounts_of_no_party_leave_units_where_they_are(market: JcmMarket) -> None:
    """Through a broker in no registry, the transfer happens when the units come into the other Party's."""
    market.authorise()
    market.issue(("mn", 10))
    market.trade("mn", "broker", 10)
    assert [] == filed(market)

    market.trade("broker", "mn", 4)
    market.trade("broker", "jp", 6)

    assert [("First transfer", "MNG", 5, 10, 1), ("Acquisition", "JPN", 5, 10, 1)] == filed(market)


def test_units_that_were_there_before_the_authorisation(market: JcmMarket) -> None:
    """Moved before, they are first transferred with the authorisation: only from then on they are authorised outcomes."""
    market.issue(("mn", 10))
    market.trade("mn", "jp", 4)
    assert [] == filed(market)

    market.authorise()

    assert [("First transfer", "MNG", 1, 4, 1), ("Acquisition", "JPN", 1, 4, 1)] == filed(market)
    assert [(1, 4, "JPN", 0), (5, 10, "MNG", None)] == standing(market)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            authorisation(purposes=OIMP, first_transfer=FirstTransfer.AUTHORISATION),
            [
                # What is there at the authorisation, then what is issued under it.
                ("First transfer", "Authorization", 1, 10),
                ("First transfer", "Authorization", 11, 20),
                ("Transfer", "", 1, 4),
                ("Acquisition", "", 1, 4),
                ("Cancellation", "", 1, 2),
                ("Cancellation", "", 5, 6),
            ],
        ),
        (
            authorisation(purposes=OIMP, first_transfer=FirstTransfer.ISSUANCE),
            [
                # 1 to 10 were issued before they were authorised.
                ("First transfer", "Issuance", 11, 20),
            ],
        ),
        (
            authorisation(purposes=OIMP, first_transfer=FirstTransfer.USE_OR_CANCELLATION),
            [
                ("First transfer", "Use or cancellation", 1, 2),
                ("Cancellation", "", 1, 2),
                ("First transfer", "Use or cancellation", 5, 6),
                ("Cancellation", "", 5, 6),
            ],
        ),
        (
            authorisation(purposes=BOTH, first_transfer=FirstTransfer.USE_OR_CANCELLATION),
            [
                # Whichever comes first: the transfer of 1 to 4, the cancellation of 5 to 6.
                ("First transfer", "First international transfer", 1, 4),
                ("Acquisition", "", 1, 4),
                ("Cancellation", "", 1, 2),
                ("First transfer", "Use or cancellation", 5, 6),
                ("Cancellation", "", 5, 6),
            ],
        ),
        (
            authorisation(),
            [
                ("First transfer", "First international transfer", 1, 4),
                ("Acquisition", "", 1, 4),
                ("Cancellation", "", 1, 2),
            ],
        ),
    ],
)
def test_what_first_transfer_means(
    market: JcmMarket, given: Authorisation, expected: list[tuple[str, str, int, int]]
) -> None:
    """The same events under five authorisations: issue, authorise, issue, transfer, retire abroad and at home."""
    market.issue(("mn", 10))
    market.authorise(given)
    market.issue(("mn", 10))
    market.trade("mn", "jp", 4)
    market.retire("jp", units(1, 2))
    market.retire("mn", units(5, 6))

    assert expected == [
        (action.action_type.value, action.subtype, action.block.first, action.block.last)
        for action in outcomes(market).actions
    ]


def test_use_towards_an_ndc(market: JcmMarket) -> None:
    """The Party of the account uses, for the year that the claim names."""
    market.authorise()
    market.issue(("jp", 10))
    market.retire("jp", units(3, 5), Claim(ClaimKind.NDC, 2025))

    used = outcomes(market).actions[-1]
    assert ("Use", "JPN", "JP-POWER", 2025, "", 3) == (
        used.action_type.value,
        used.using,
        used.entity,
        used.year,
        used.purpose,
        used.quantity,
    )
    assert [(1, 2, "JPN", 0), (6, 10, "JPN", 0)] == standing(market)


def test_a_contribution_is_no_use_for_other_purposes(market: JcmMarket) -> None:
    """Where use is the first transfer, a contribution leaves the outcome with the host Party."""
    market.authorise(authorisation(purposes=OIMP, first_transfer=FirstTransfer.USE_OR_CANCELLATION))
    market.issue(("jp", 10))
    market.retire("jp", units(1, 2), Claim(ClaimKind.CONTRIBUTION))

    assert [] == filed(market)


def test_units_cancelled_in_error_are_no_use(market: JcmMarket) -> None:
    """An operator's cancellation first transfers nothing, and ends what was first transferred."""
    market.authorise(authorisation(purposes=BOTH, first_transfer=FirstTransfer.USE_OR_CANCELLATION))
    market.issue(("mn", 5), ("jp", 5))
    for account, block in (("mn", units(1, 5)), ("jp", units(6, 10))):
        market.do(
            commands.CancelUnits(LOCAL_OPERATOR, account, V23, (block,), "issued in error", "correction")
        )

    assert ("Cancellation", "JPN", 6, 10, 1) == filed(market)[-1]
    assert [] == standing(market)


def test_withdrawn_units_come_back_as_what_they_were(market: JcmMarket) -> None:
    """Out of custody they are nobody's holding; coming back to another Party is a transfer, not a first one."""
    market.authorise()
    market.issue(("jp", 10))
    market.do(commands.WithdrawUnits(LOCAL_OPERATOR, "jp", V23, 6, (units(1, 6),), "out"))
    assert [(7, 10, "JPN", 0)] == standing(market)

    market.do(commands.DepositUnits(LOCAL_OPERATOR, "jp-2", V23, 3, (units(1, 3),), "back"))
    market.do(commands.DepositUnits(LOCAL_OPERATOR, "th", V23, 3, (units(4, 6),), "back"))

    assert [
        ("First transfer", "MNG", 1, 10, 1),
        ("Acquisition", "JPN", 1, 10, 1),
        ("Transfer", "JPN", 4, 6, 4),
        ("Acquisition", "THA", 4, 6, 4),
    ] == filed(market)


MOVED = CreditClass("JCM-MN003-2023", "JCM", "MN003", SOLAR.name, 2023, country="MN")


def move(market: JcmMarket, *to_blocks: SerialBlock) -> list[Event]:
    blocks = (units(2, 4), units(9, 10))
    return market.do(
        commands.MoveUnits(
            LOCAL_OPERATOR, "mn", V23, blocks, MOVED.class_id, to_blocks, "to the JCM registry"
        )
    )


def test_units_that_move_to_another_registry_keep_their_identifiers(market: JcmMarket) -> None:
    """New serials, the same ITMOs: what was first transferred stays so, unit for unit."""
    market.do(commands.RegisterClass(LOCAL_OPERATOR, MOVED))
    market.authorise(authorisation((V23, MOVED.class_id)))
    market.issue(("mn", 10))
    market.trade("mn", "jp", 3)
    market.trade("jp", "mn", 3)
    move(market, SerialBlock("JCM", "MN-a", 101, 102), SerialBlock("JCM", "MN-b", 1, 3))

    assert [
        (V23, 1, 1, 0),
        (V23, 5, 8, None),
        (MOVED.class_id, 101, 102, 2 - 101),
        # ITMO 3 is done; unit 4 had never been transferred, nor had 9 and 10.
        (MOVED.class_id, 1, 3, None),
    ] == [
        (span.value.class_id, span.first, span.last, span.value.itmo_shift)
        for _, span in outcomes(market).standing()
    ]


def test_units_do_not_leave_their_authorisation(market: JcmMarket) -> None:
    """A move into a class that is not under the same authorisation would lose the ITMOs."""
    market.do(commands.RegisterClass(LOCAL_OPERATOR, MOVED))
    market.authorise(authorisation((V23,)))
    market.issue(("mn", 10))

    (refused,) = move(market, SerialBlock("JCM", "MN-a", 1, 5))

    assert isinstance(refused, RequestRefused)
    assert RejectCode.AUTHORISATION_DIFFERS is refused.code


def test_units_that_come_back_as_another_class_stay_what_they_are(market: JcmMarket) -> None:
    """A label makes them another class, never other outcomes: what was first transferred is not so again."""
    labelled = msgspec.structs.replace(MOVED, class_id="JCM-MN003-2023-CCP", labels=("CCP",))
    for known in (MOVED, labelled):
        market.do(commands.RegisterClass(LOCAL_OPERATOR, known))
    market.authorise(authorisation((MOVED.class_id, labelled.class_id)))
    block = SerialBlock("JCM", "MN-a", 1, 10)
    market.do(commands.DepositUnits(LOCAL_OPERATOR, "jp", MOVED.class_id, 10, (block,), "in"))
    part = SerialBlock("JCM", "MN-a", 4, 6)
    market.do(ReclassifyUnits(LOCAL_OPERATOR, MOVED.class_id, labelled.class_id, (part,), "CCP", "label"))
    market.do(commands.WithdrawUnits(LOCAL_OPERATOR, "jp", labelled.class_id, 3, (part,), "out"))
    market.do(commands.DepositUnits(LOCAL_OPERATOR, "th", labelled.class_id, 3, (part,), "in"))

    assert [
        ("First transfer", "MNG", 1, 10, 1),
        ("Acquisition", "JPN", 1, 10, 1),
        ("Transfer", "JPN", 4, 6, 4),
        ("Acquisition", "THA", 4, 6, 4),
    ] == filed(market)
    assert [(MOVED.class_id, 1, 3), (labelled.class_id, 4, 6), (MOVED.class_id, 7, 10)] == [
        (span.value.class_id, span.first, span.last) for _, span in outcomes(market).standing()
    ]


def test_an_authorisation_of_units_that_had_one_before(market: JcmMarket) -> None:
    """Serials that left their class keep their first authorisation; only the rest of the new class is new."""
    other = msgspec.structs.replace(MOVED, class_id="JCM-MN003-2023-2")
    for known in (MOVED, other):
        market.do(commands.RegisterClass(LOCAL_OPERATOR, known))
    market.authorise(authorisation((MOVED.class_id,)))
    whole, part = SerialBlock("JCM", "MN-a", 1, 10), SerialBlock("JCM", "MN-a", 4, 6)
    market.do(commands.DepositUnits(LOCAL_OPERATOR, "jp", MOVED.class_id, 10, (whole,), "in"))
    market.do(commands.WithdrawUnits(LOCAL_OPERATOR, "jp", MOVED.class_id, 3, (part,), "out"))
    new = SerialBlock("JCM", "MN-a", 11, 12)
    market.do(commands.DepositUnits(LOCAL_OPERATOR, "jp", other.class_id, 5, (part, new), "back"))
    market.authorise(authorisation((other.class_id,), authorisation_id="MN-2"))

    assert [
        ("First transfer", 1, 10),
        ("Acquisition", 1, 10),
        ("First transfer", 11, 12),
        ("Acquisition", 11, 12),
    ] == [(action, first, last) for action, _, first, last, _ in filed(market)]
    assert [("MN-1", 1, 3), ("MN-1", 4, 6), ("MN-1", 7, 10), ("MN-2", 11, 12)] == [
        (span.value.authorisation_id, span.first, span.last) for _, span in outcomes(market).standing()
    ]


def test_a_deferred_trade_is_a_transfer_when_it_settles(market: JcmMarket) -> None:
    """Until the settlement date, the serials stay in the seller's registry; an authorisation meets them there."""
    deferred = "JCM-MN-T2"
    market.list_instrument(
        msgspec.structs.replace(INSTRUMENT, symbol=deferred, settlement_days=1, classes=(V23,))
    )
    market.issue(("mn", 10))
    seller, buyer = market.traders["mn"], market.traders["jp"]
    seller.rest(seller.sell(4, 1000, deferred))
    buyer.place(buyer.buy(4, 1000, deferred))
    market.authorise()
    assert [] == filed(market)

    market.close_day("2026-11-24")

    done = fold(market.recorded, "2026-11-24").actions
    assert [("First transfer", "2026-11-24"), ("Acquisition", "2026-11-24")] == [
        (action.action_type.value, action.date) for action in done
    ]


def test_frozen_units_stay_where_they_are(market: JcmMarket) -> None:
    """An authorisation meets frozen serials with their holder; freezing and releasing is no action."""
    market.issue(("mn", 10))
    market.trade("mn", "jp", 4)
    market.do(FreezeUnits(LOCAL_OPERATOR, "F-1", FreezeCause.HOLD, "review", (units(2, 6),)))
    market.authorise()
    market.do(EndFreeze(LOCAL_OPERATOR, "F-1", FreezeOutcome.RELEASED, "cleared"))

    assert {("First transfer", "MNG"), ("Acquisition", "JPN")} == {row[:2] for row in filed(market)}
    assert [(1, 4, "JPN", 0), (5, 10, "MNG", None)] == standing(market)


def test_a_report_ends_with_its_date(market: JcmMarket) -> None:
    """What a later business date brings is not in it; before the venue there is nothing."""
    market.authorise()
    market.issue(("jp", 1))
    market.close_day("2026-11-24")
    market.issue(("jp", 1))

    assert [0, 2, 4] == [
        len(fold(market.recorded, date).actions) for date in ("2026-11-22", "2026-11-23", "2026-11-24")
    ]


def test_itmo_serial_numbers_are_given_once(market: JcmMarket) -> None:
    """Of one approach and registry, over all classes, in the order of the first transfers."""
    market.authorise()
    market.issue(("jp", 3))
    market.issue(("mn", 2), ("jp", 3), class_id=V24)
    market.issue(("jp", 1))

    first = [
        (action.itmo_first, action.itmo_last)
        for action in outcomes(market).actions
        if action.action_type.value == "First transfer"
    ]
    assert [(1, 3), (4, 6), (7, 7)] == first
    assert all(last + 1 == following for (_, last), (following, _) in pairwise(first))
