"""Events of freezes whose bytes stand in `golden/`; see `golden_events`."""

from exchange.domain.carbon.freeze_forms import (
    FreezeCause,
    FreezeDeclared,
    FreezeEnded,
    FreezeOutcome,
    LockReplaced,
    TradeCancelled,
    UnitsFrozen,
    UnitsReleased,
)
from exchange.domain.forms import Event
from exchange.domain.serials import SerialBlock

WHOLE = SerialBlock("VCS", "19298-{}-{}-VCS-VCU-260-VER-PE-14-1340-01012020-31122020-1", 919803614, 919804613)
PART = SerialBlock("VCS", WHOLE.batch, 919803614, 919803625)
OTHER = SerialBlock("VCS", WHOLE.batch, 919804614, 919804625)

FREEZE_EVENTS: dict[tuple[str, int], list[Event]] = {
    ("freeze_declared", 1): [
        FreezeDeclared("ops", "recall-1", FreezeCause.RECALL, "verification withdrawn", (WHOLE,)),
        FreezeDeclared("ops", "excess-1", FreezeCause.OVER_ISSUANCE, "issued twice", (OTHER,)),
    ],
    ("units_frozen", 1): [UnitsFrozen("recall-1", "ACME-1", "VCS-1340-2020", (PART,))],
    ("freeze_ended", 1): [FreezeEnded("ops", "recall-1", FreezeOutcome.CANCELLED, "confirmed")],
    ("units_released", 1): [UnitsReleased("recall-1", "ACME-1", "VCS-1340-2020", (PART,))],
    ("lock_replaced", 1): [
        LockReplaced(41, "ACME-1", (("VCS-1340-2020", PART),), (("VCS-1340-2020", OTHER),))
    ],
    ("trade_cancelled", 1): [
        TradeCancelled(
            41,
            "BETA-1",
            "ACME-1",
            "USD",
            49_500,
            99,
            (("VCS-1340-2020", 40), ("GS-5-2021", 10)),
            "its units were frozen",
        )
    ],
}
