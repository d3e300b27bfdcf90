"""The events whose bytes stand in `golden/`, by kind and version, as this program understands them.

A file `KIND.VERSION.jsonl` has one payload per line. Lines are added, never changed: a changed line is a broken promise to
every log that exists.
"""

from exchange.domain import events as ev
from exchange.domain.carbon.basket_forms import BasketRule
from exchange.domain.carbon.claim_forms import Claim, ClaimKind
from exchange.domain.carbon.corsia_forms import CorsiaPeriod
from exchange.domain.carbon.project_forms import Mitigation
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.identity import Role
from exchange.domain.instruments import CreditClass, Instrument, InstrumentState, Unit
from exchange.domain.orders import OrderRequest, OrderType, RetirementTerms
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock
from matching.order import SelfTradePrevention, Side, TimeInForce
from tests.exchange.log.golden_article6 import ARTICLE6_EVENTS
from tests.exchange.log.golden_ex_ante import EX_ANTE_EVENTS
from tests.exchange.log.golden_freezes import FREEZE_EVENTS
from tests.exchange.log.golden_labels import LABEL_EVENTS
from tests.exchange.log.golden_making import MAKING_EVENTS
from tests.exchange.log.golden_offset import OFFSET_EVENTS
from tests.exchange.log.golden_proceeds import PROCEEDS_EVENTS
from tests.exchange.log.golden_projects import PROJECT_EVENTS
from tests.exchange.log.golden_reversals import REVERSAL_EVENTS
from tests.exchange.log.golden_technologies import TECHNOLOGY_EVENTS

VCS_BLOCK = SerialBlock(
    "VCS", "19298-{}-{}-VCS-VCU-260-VER-PE-14-1340-01012020-31122020-1", 919803614, 919804613
)
VCS_PIECE = SerialBlock("VCS", VCS_BLOCK.batch, 919803614, 919803625)
GS_PIECE = SerialBlock("GS", "GS1-1-KE-GS7548-16-2021-23456-{first}-{last}", 1001, 1040)
KILOGRAMS = SerialBlock("ISO", "ISO-7", 1, 9_223_372_036_854_775_808)
PLAIN_ORDER = OrderRequest("c-1", "VCS-1340-2020", Side.BUY, 100, 1250)
FULL_ORDER = OrderRequest(
    client_order_id="größe-2",
    instrument="NATURE-BASKET",
    side=Side.SELL,
    quantity=500,
    price=None,
    order_type=OrderType.MARKET,
    time_in_force=TimeInForce.GTD,
    expire_date="2026-12-31",
    post_only=True,
    display_quantity=50,
    self_trade_prevention=SelfTradePrevention.DECREMENT,
    deliver=(("VCS-1340-2020", 400), ("GS-5-2021", 100)),
)
RETIRING_ORDER = OrderRequest(
    "c-3", "VCS-1340-2020", Side.BUY, 100, 1250, retire_on_fill=RetirementTerms("Acme", "flights of 2025")
)

GOLDEN_EVENTS: dict[tuple[str, int], list[ev.Event]] = {
    ("writer_started", 1): [ev.WriterStarted("0.1.0")],
    ("venue_opened", 1): [ev.VenueOpened("local-operator", "Carbon exchange", "2026-11-23")],
    ("participant_admitted", 1): [ev.ParticipantAdmitted("local-operator", "ACME", "Acme 株式会社")],
    ("account_opened", 1): [ev.AccountOpened("local-operator", "ACME-1", "ACME")],
    ("key_registered", 1): [ev.KeyRegistered("ops", "acme-key", "ACME", Role.MARKET_MAKER, "ab" * 32)],
    ("key_revoked", 1): [ev.KeyRevoked("ops", "acme-key")],
    ("class_registered", 1): [
        ev.ClassRegistered("ops", CreditClass("VCS-1340-2020", "VCS", "1340", "Cordillera Azul", 2020)),
        ev.ClassRegistered(
            "ops",
            CreditClass(
                "ISO-7-2025", "ISO", "7", "Bio-oil", 2025, Unit.KILOGRAM, "US", ("removal", "CORSIA")
            ),
        ),
    ],
    ("instrument_listed", 1): [
        ev.InstrumentListed(
            "ops",
            Instrument(
                symbol="VCS-1340-2020",
                name="Cordillera Azul 2020",
                classes=("VCS-1340-2020",),
                currency="USD",
                tick=1,
                price_decimals=2,
                lot=1,
                minimum_quantity=1,
                maximum_quantity=1_000_000,
                reference_price_ticks=1250,
                band_ppm=200_000,
                maker_fee_ppm=1000,
                taker_fee_ppm=2000,
            ),
        ),
        ev.InstrumentListed(
            "ops",
            Instrument(
                symbol="REMOVAL-KG",
                name="Removals by the kilogram",
                classes=("ISO-7-2025", "ISO-8-2025"),
                currency="JPY",
                tick=5,
                price_decimals=3,
                lot=1000,
                minimum_quantity=1000,
                maximum_quantity=10**12,
                reference_price_ticks=400,
                band_ppm=1_000_000,
                maker_fee_ppm=0,
                taker_fee_ppm=0,
                unit=Unit.KILOGRAM,
                settlement_days=2,
                calendar="JP",
            ),
        ),
        ev.InstrumentListed(
            "ops",
            Instrument(
                symbol="CCP-FOREST",
                name="Labelled forests",
                classes=(),
                currency="USD",
                tick=1,
                price_decimals=2,
                lot=1,
                minimum_quantity=1,
                maximum_quantity=1_000_000,
                reference_price_ticks=1250,
                band_ppm=200_000,
                maker_fee_ppm=1000,
                taker_fee_ppm=2000,
                rule=BasketRule(
                    registries=("CAR", "VCS"),
                    project_types=("Forestry - MX",),
                    methodologies=("Forestry - MX - Version 3.0",),
                    countries=("MX",),
                    vintage_from=2021,
                    vintage_to=2025,
                    labels=("CCP",),
                    mitigation=Mitigation.REMOVAL,
                ),
            ),
        ),
    ],
    ("instrument_state_changed", 1): [
        ev.InstrumentStateChanged(
            "ops", "VCS-1340-2020", InstrumentState.HALTED, "registry under maintenance"
        )
    ],
    ("fees_changed", 1): [ev.FeesChanged("ops", "VCS-1340-2020", 500, 1500)],
    ("cash_deposited", 1): [ev.CashDeposited("ops", "ACME-1", "USD", 1_000_000_00, "wire 77")],
    ("cash_withdrawn", 1): [ev.CashWithdrawn("ops", "ACME-1", "JPY", 5000, "wire 78")],
    ("units_deposited", 1): [
        ev.UnitsDeposited("ops", "ACME-1", "VCS-1340-2020", 1000, (VCS_BLOCK,), "transfer 1"),
        ev.UnitsDeposited(
            "ops", "ACME-1", "ISO-7-2025", 9_223_372_036_854_775_808, (KILOGRAMS,), "transfer 2"
        ),
    ],
    ("units_withdrawn", 1): [
        ev.UnitsWithdrawn("ops", "ACME-1", "VCS-1340-2020", 1000, (VCS_BLOCK,), "transfer 3")
    ],
    ("session_opened", 1): [ev.SessionOpened("acme-key", "websocket 10.0.0.7", cancel_on_disconnect=True)],
    ("session_closed", 1): [ev.SessionClosed(7, "connection lost")],
    ("cancel_after_set", 1): [ev.CancelAfterSet("ACME-1", 7, 1_795_392_000_000_000_000)],
    ("cancel_after_fired", 1): [ev.CancelAfterFired("ACME-1")],
    ("order_accepted", 1): [
        ev.OrderAccepted("ACME-1", 7, PLAIN_ORDER, 1250, "2026-11-23", "USD", 1000, 2000, hold_cash=125_250),
        ev.OrderAccepted("ACME-1", 7, FULL_ORDER, 980, "2026-12-31", "USD", 0, 0, deliver=FULL_ORDER.deliver),
        ev.OrderAccepted(
            "ACME-1", 7, RETIRING_ORDER, 1250, "2026-11-23", "USD", 1000, 2000, hold_cash=125_250
        ),
        ev.OrderAccepted(
            "ACME-1", 7, PLAIN_ORDER, 1250, "2026-11-23", "USD", 1000, 2000, hold_cash=125_250, quote=True
        ),
    ],
    ("order_rejected", 1): [
        ev.OrderRejected(
            "ACME-1", 7, PLAIN_ORDER, RejectCode.INSUFFICIENT_FUNDS, "1252.50 USD needed, 0.00 available"
        )
    ],
    ("order_amended", 1): [
        ev.OrderAmended(19, "ACME-1", "VCS-1340-2020", 1250, 60, True, "USD", hold_cash_change=-50_100),
        ev.OrderAmended(
            20,
            "ACME-1",
            "NATURE-BASKET",
            990,
            400,
            False,
            "USD",
            hold_units=(("GS-5-2021", 10),),
            release_units=(("VCS-1340-2020", 110),),
        ),
        ev.OrderAmended(
            19, "ACME-1", "VCS-1340-2020", 1250, 60, keeps_priority=True, currency="USD", request_id="r-1"
        ),
    ],
    ("order_cancelled", 1): [
        ev.OrderCancelled(19, "ACME-1", "VCS-1340-2020", 60, ev.CancelReason.EXPIRED, "USD"),
        ev.OrderCancelled(
            19,
            "ACME-1",
            "VCS-1340-2020",
            60,
            ev.CancelReason.REQUESTED,
            "USD",
            by="acme-key",
            release_cash=75_150,
            release_units=(("VCS-1340-2020", 60),),
        ),
        ev.OrderCancelled(
            19,
            "ACME-1",
            "VCS-1340-2020",
            60,
            ev.CancelReason.MASS_CANCEL,
            "USD",
            by="ACMEFIX",
            request_id="r-2",
        ),
        ev.OrderCancelled(19, "ACME-1", "VCS-1340-2020", 60, ev.CancelReason.PROTECTION, "USD"),
    ],
    ("orders_decremented", 1): [
        ev.OrdersDecremented(
            "VCS-1340-2020", 19, 21, 5, "ACME-1", "ACME-2", "USD", 6_250, (("VCS-1340-2020", 5),)
        )
    ],
    ("fill", 1): [
        ev.Fill(
            instrument="VCS-1340-2020",
            maker_order_id=19,
            taker_order_id=23,
            taker_side=Side.SELL,
            price=1250,
            quantity=40,
            buyer="ACME-1",
            seller="BETA-1",
            currency="USD",
            amount=50_000,
            buyer_fee=50,
            seller_fee=100,
            buyer_release=0,
            delivered=(("VCS-1340-2020", 40),),
            rule=LOWEST_SERIAL,
            settlement_date="2026-11-23",
        ),
        ev.Fill(
            instrument="NATURE-BASKET",
            maker_order_id=19,
            taker_order_id=23,
            taker_side=Side.BUY,
            price=990,
            quantity=50,
            buyer="ACME-1",
            seller="BETA-1",
            currency="USD",
            amount=49_500,
            buyer_fee=99,
            seller_fee=50,
            buyer_release=7,
            delivered=(("VCS-1340-2020", 40), ("GS-5-2021", 10)),
            rule=LOWEST_SERIAL,
            settlement_date="2026-11-25",
            deferred=True,
        ),
    ],
    ("block_trade_keyed", 1): [
        ev.BlockTradeKeyed("ACME-1", 7, "BETA-1", "bt-1", "VCS-1340-2020", Side.BUY, 1250, 1_000_000),
        ev.BlockTradeKeyed(
            "BETA-1",
            8,
            "ACME-1",
            "bt-2",
            "NATURE-BASKET",
            Side.SELL,
            990,
            50,
            deliver=(("VCS-1340-2020", 40), ("GS-5-2021", 10)),
        ),
        ev.BlockTradeKeyed(
            "BETA-1",
            8,
            "ACME-1",
            "bt-3",
            "VCS-1340-2020",
            Side.SELL,
            1250,
            12,
            blocks=(("VCS-1340-2020", VCS_PIECE),),
        ),
    ],
    ("block_trade_ended", 1): [
        ev.BlockTradeEnded("ACME-1", "BETA-1", "bt-1", ev.CancelReason.REQUESTED),
        ev.BlockTradeEnded("ACME-1", "BETA-1", "bt-1", ev.CancelReason.EXPIRED),
    ],
    ("block_trade", 1): [
        ev.BlockTrade(
            instrument="VCS-1340-2020",
            trade_reference="bt-3",
            price=1250,
            quantity=12,
            buyer="ACME-1",
            seller="BETA-1",
            currency="USD",
            amount=15_000,
            buyer_fee=15,
            seller_fee=15,
            delivered=(("VCS-1340-2020", 12),),
            rule=LOWEST_SERIAL,
            settlement_date="2026-11-23",
            blocks=(("VCS-1340-2020", VCS_PIECE),),
        ),
        ev.BlockTrade(
            instrument="NATURE-BASKET",
            trade_reference="bt-2",
            price=990,
            quantity=50,
            buyer="ACME-1",
            seller="BETA-1",
            currency="USD",
            amount=49_500,
            buyer_fee=0,
            seller_fee=0,
            delivered=(("VCS-1340-2020", 40), ("GS-5-2021", 10)),
            rule=LOWEST_SERIAL,
            settlement_date="2026-11-25",
            deferred=True,
        ),
    ],
    ("trade_settled", 1): [
        ev.TradeSettled(
            29, "ACME-1", "BETA-1", "USD", 49_500, 99, 50, (("VCS-1340-2020", 40), ("GS-5-2021", 10))
        )
    ],
    ("retired", 1): [
        ev.Retired(
            "ACME-1",
            (("VCS-1340-2020", VCS_PIECE), ("GS-5-2021", GS_PIECE)),
            "Acme",
            "flights of 2025 — “Scope 3”",
            "ret-1",
        ),
        ev.Retired(
            "ACME-1",
            (("VCS-1340-2020", VCS_PIECE),),
            "Acme",
            "",
            "retired-on-fill/19/24",
            rule=LOWEST_SERIAL,
            order_id=19,
        ),
        ev.Retired(
            "ACME-1",
            (("VCS-1340-2020", VCS_PIECE),),
            "Acme",
            "2025",
            "ret-2",
            claim=Claim(ClaimKind.NDC, 2025, party="JPN"),
        ),
        ev.Retired(
            "ACME-1",
            (("VCS-1340-2020", VCS_PIECE),),
            "Air Acme",
            "2025",
            "ret-3",
            claim=Claim(ClaimKind.CORSIA, period=CorsiaPeriod.FIRST),
        ),
    ],
    ("units_issued", 1): [
        ev.UnitsIssued(
            "ops",
            "ACME-1",
            "EXC-7-2025",
            SerialBlock("EXC", "EXC-7-2025-{first} to {last}", 1, 500),
            "issue 1",
        ),
        ev.UnitsIssued(
            "ops",
            "ACME-1",
            "EXC-7-2025",
            SerialBlock("EXC", "EXC-7-2025-{first} to {last}", 501, 900),
            "issue 2",
            SerialBlock("EXC", "EXC-7-2025-{first} to {last}", 901, 1000),
        ),
    ],
    ("units_cancelled", 1): [
        ev.UnitsCancelled("ops", "ACME-1", "VCS-1340-2020", (VCS_PIECE,), "issued in error", "cancel 1")
    ],
    ("units_moved", 1): [
        ev.UnitsMoved(
            "ops",
            "ACME-1",
            "VCS-1340-2020",
            (VCS_PIECE,),
            "EXC-1340-2020",
            (SerialBlock("EXC", "EXC-1340-2020-{first} to {last}", 501, 512),),
            "move 1",
        )
    ],
    ("calendar_set", 1): [ev.CalendarSet("ops", "JP", ("2026-12-31", "2027-01-01"))],
    ("request_refused", 1): [
        ev.RequestRefused("CancelAll", "acme-key", "ACME-1", RejectCode.NOT_PERMITTED, "not your account"),
        ev.RequestRefused(
            "CancelOrder", "acme-key", "ACME-1", RejectCode.UNKNOWN_ORDER, "no such order", 99, "c-\u0000"
        ),
        ev.RequestRefused(
            "AmendOrder",
            "ACMEFIX",
            "ACME-1",
            RejectCode.PROTECTION_TRIPPED,
            "frozen",
            client_order_id="c-1",
            request_id="r-3",
        ),
    ],
    ("day_closed", 1): [
        ev.DayClosed("ops", "2026-11-23", "2026-11-24", (("NATURE-BASKET", 990), ("VCS-1340-2020", 1251)))
    ],
    **MAKING_EVENTS,
    # The rules of carbon: a module per topic.
    **PROJECT_EVENTS,
    **ARTICLE6_EVENTS,
    **REVERSAL_EVENTS,
    **FREEZE_EVENTS,
    **LABEL_EVENTS,
    **OFFSET_EVENTS,
    **EX_ANTE_EVENTS,
    **PROCEEDS_EVENTS,
    **TECHNOLOGY_EVENTS,
}
