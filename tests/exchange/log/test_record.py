"""Rows of the log: what they are searched by, and the way there and back."""

import pytest

from exchange.domain import events as ev
from exchange.domain.carbon.proceeds_forms import ProceedsPaid, ShareRole
from exchange.domain.orders import OrderRequest
from exchange.domain.rejects import RejectCode
from exchange.log.chain import GENESIS
from exchange.log.codec import UnknownEvent, encode
from exchange.log.record import StoredEvent, index_columns, seal
from matching.order import Side
from tests.exchange.log.golden_events import GOLDEN_EVENTS
from tests.exchange.log.samples import fill, record

INDEX_COLUMNS = {
    "writer_started": (None, None, None),
    "venue_opened": (None, None, None),
    "participant_admitted": (None, None, None),
    "account_opened": (None, "ACME-1", None),
    "key_registered": (None, None, None),
    "key_revoked": (None, None, None),
    "class_registered": (None, None, None),
    "instrument_listed": ("VCS-1340-2020", None, None),
    "instrument_state_changed": ("VCS-1340-2020", None, None),
    "fees_changed": ("VCS-1340-2020", None, None),
    "cash_deposited": (None, "ACME-1", None),
    "cash_withdrawn": (None, "ACME-1", None),
    "units_deposited": (None, "ACME-1", None),
    "units_withdrawn": (None, "ACME-1", None),
    "session_opened": (None, None, None),
    "session_closed": (None, None, None),
    "cancel_after_set": (None, "ACME-1", None),
    "cancel_after_fired": (None, "ACME-1", None),
    "order_accepted": ("VCS-1340-2020", "ACME-1", None),
    "order_rejected": ("VCS-1340-2020", "ACME-1", None),
    "order_amended": ("VCS-1340-2020", "ACME-1", None),
    "order_cancelled": ("VCS-1340-2020", "ACME-1", None),
    "orders_decremented": ("VCS-1340-2020", "ACME-1", "ACME-2"),
    "fill": ("VCS-1340-2020", "ACME-1", "BETA-1"),
    "block_trade_keyed": ("VCS-1340-2020", "ACME-1", "BETA-1"),
    "block_trade_ended": (None, "ACME-1", "BETA-1"),
    "block_trade": ("VCS-1340-2020", "ACME-1", "BETA-1"),
    "trade_settled": (None, "ACME-1", "BETA-1"),
    "retired": (None, "ACME-1", None),
    "units_issued": (None, "ACME-1", None),
    "units_cancelled": (None, "ACME-1", None),
    "units_moved": (None, "ACME-1", None),
    "calendar_set": (None, None, None),
    "request_refused": (None, "ACME-1", None),
    "day_closed": (None, None, None),
    "protection_set": ("VCS-1340-2020", "ACME-1", None),
    "protection_tripped": ("VCS-1340-2020", "ACME-1", None),
    "protection_reset": ("VCS-1340-2020", "ACME-1", None),
    "fix_session_registered": (None, "ACME-1", None),
    "fix_password_set": (None, None, None),
    "project_registered": (None, None, None),
    "party_registered": (None, None, None),
    "party_assigned": (None, None, None),
    "cooperative_approach_registered": (None, None, None),
    "outcomes_authorised": (None, None, None),
    "safeguards_reported": (None, None, None),
    "jcm_target_set": (None, None, None),
    "corsia_programme_admitted": (None, None, None),
    "adjustment_reported": (None, None, None),
    "accounting_deed_recorded": (None, None, None),
    "issuance_recorded": (None, None, None),
    "reversal_recorded": (None, None, None),
    "reversal_made_good": (None, "ACME-1", None),
    "freeze_declared": (None, None, None),
    "label_given": (None, None, None),
    "label_withdrawn": (None, None, None),
    "units_reclassified": (None, None, None),
    "units_frozen": (None, "ACME-1", None),
    "units_released": (None, "ACME-1", None),
    "freeze_ended": (None, None, None),
    "lock_replaced": (None, "ACME-1", None),
    "trade_cancelled": (None, "BETA-1", "ACME-1"),
    "offset_period_opened": (None, "ACME-1", None),
    "activity_recorded": (None, "ACME-1", None),
    "activity_corrected": (None, "ACME-1", None),
    "reduction_recorded": (None, "ACME-1", None),
    "retirement_allocated": (None, "ACME-1", None),
    "ex_ante_estimated": (None, None, None),
    "ex_ante_verified": (None, None, None),
    "units_converted": (None, "ACME-1", None),
    "ex_ante_expired": (None, None, None),
    "units_expired": (None, "ACME-1", None),
    "proceeds_named": (None, None, None),
    "proceeds_paid": (None, "EJIDO-1", "ACME-1"),
    "technology_pool_registered": (None, None, None),
    "technology_registered": (None, None, None),
    "technology_licence_granted": (None, None, None),
    "technologies_named": (None, None, None),
}


@pytest.mark.parametrize("event_type", ev.EVENT_TYPES, ids=lambda event_type: event_type.kind)
def test_index_columns_of_every_kind(event_type: type[ev.Event]) -> None:
    """Every kind of event is found by the instrument and the accounts that it concerns."""
    event = GOLDEN_EVENTS[event_type.kind, event_type.version][0]

    assert INDEX_COLUMNS[event_type.kind] == index_columns(event)


def test_one_account_on_both_sides_is_named_once() -> None:
    """An event between two orders of one account is not found twice by that account."""
    decrement = ev.OrdersDecremented("X", 1, 2, 5, "ACME", "ACME", "USD", 0, (("X", 5),))

    assert ("X", "ACME", None) == index_columns(decrement)
    assert ("X", "ACME", None) == index_columns(fill("ACME", "ACME", "X"))


@pytest.mark.parametrize("text", ["", "nul\0", "x" * 65], ids=["empty", "NUL", "long"])
def test_what_no_id_can_be_is_not_indexed(text: str) -> None:
    """Text from outside that Postgres or its indexes would not take is kept in the payload only."""
    order = OrderRequest("c", text, Side.BUY, 1, 1)
    rejected = ev.OrderRejected(text, 1, order, RejectCode.UNKNOWN_INSTRUMENT, "no such instrument")
    refused = ev.RequestRefused("CancelAll", "key", text, RejectCode.UNKNOWN_ACCOUNT, "no such account")

    assert (None, None, None) == index_columns(rejected)
    assert (None, None, None) == index_columns(refused)


def test_sealed_rows_carry_the_events() -> None:
    """A row names the event's place, kind and version, and gives the event back."""
    event = fill()
    recorded = ev.Recorded(9, 7, 123, event)

    (row,) = seal([recorded], 3, GENESIS)

    assert recorded == row.to_recorded()
    place = (row.seq, row.epoch, row.command, row.recorded_at, row.kind, row.version, row.payload)
    assert (9, 3, 7, 123, "fill", 1, encode(event)) == place


def test_sealing_in_parts_gives_the_same_rows() -> None:
    """How events are cut into batches leaves no trace in the log."""
    recorded = record([fill(quantity=quantity) for quantity in range(1, 11)])

    whole = seal(recorded, 1, GENESIS)
    first = seal(recorded[:4], 1, GENESIS)
    second = seal(recorded[4:], 1, first[-1].hash)

    assert whole == first + second


def test_a_row_of_an_unknown_kind_cannot_be_read() -> None:
    """A row from a newer program stops the reader instead of being skipped."""
    row = StoredEvent(1, 1, 1, 1, "teleported", 1, None, None, None, b"{}", b"")

    with pytest.raises(UnknownEvent, match="teleported"):
        row.to_recorded()


def test_a_seller_s_own_share_is_named_once() -> None:
    """A share of proceeds that stays with the account that sold is found once by it."""
    kept = ProceedsPaid(7, "CAR", "1568", 10, 100, ShareRole.DEVELOPER, "ACME", "ACME", "USD", 40)

    assert (None, "ACME", None) == index_columns(kept)
