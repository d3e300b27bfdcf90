"""The messages of the dialect: type, name and who sends it, then its fields in order.

`!` after a field: required. Parentheses: a repeating group; its first field begins each entry. The length field of a data
field is implied. `session` messages go both ways and are answered by the session itself.
"""

from __future__ import annotations

HEADER_FIELDS = """
    BeginString! BodyLength! MsgType! SenderCompID! TargetCompID! MsgSeqNum! SenderSubID SenderLocationID
    TargetSubID TargetLocationID PossDupFlag PossResend SendingTime! OrigSendingTime MessageEncoding
    LastMsgSeqNumProcessed
"""

TRAILER_FIELDS = "CheckSum!"

INSTRUMENT_TERMS = (
    "SecurityDesc EncodedSecurityDesc Currency RoundLot MinTradeVol MaxTradeVol TickSize QuantityUnit SettlDays "
    "LowLimitPrice HighLimitPrice ReferencePrice MakerFeePpm TakerFeePpm NoDeliveryClasses(DeliveryClass!)"
)

RETIREMENT_TERMS = (
    "RetirementBeneficiary EncodedRetirementBeneficiary RetirementPurpose EncodedRetirementPurpose"
)

MESSAGE_TABLE = f"""
0 Heartbeat session
    TestReqID

1 TestRequest session
    TestReqID!

2 ResendRequest session
    BeginSeqNo! EndSeqNo!

3 Reject session
    RefSeqNum! RefTagID RefMsgType SessionRejectReason Text EncodedText

4 SequenceReset session
    GapFillFlag NewSeqNo!

5 Logout session
    Text EncodedText

A Logon session
    EncryptMethod! HeartBtInt! RawData ResetSeqNumFlag MaxMessageSize Username Password

j BusinessMessageReject both
    RefSeqNum RefMsgType! BusinessRejectRefID BusinessRejectReason! Text EncodedText VenueRejectCode

D NewOrderSingle to-venue
    ClOrdID! Account HandlInst ExecInst MaxFloor Symbol! Side! TransactTime! OrderQty! OrdType! Price
    TimeInForce ExpireDate SelfTradePrevention {RETIREMENT_TERMS} NoDeliveryClasses(DeliveryClass! DeliveryQty!)

F OrderCancelRequest to-venue
    OrigClOrdID! OrderID ClOrdID! Account Symbol! Side! TransactTime! OrderQty

G OrderCancelReplaceRequest to-venue
    OrderID Account OrigClOrdID! ClOrdID! HandlInst ExecInst MaxFloor Symbol! Side! TransactTime! OrderQty!
    OrdType! Price TimeInForce ExpireDate SelfTradePrevention

q OrderMassCancelRequest to-venue
    ClOrdID! MassCancelRequestType! Account Symbol Side TransactTime!

H OrderStatusRequest to-venue
    OrderID ClOrdID! Account Symbol! Side! OrdStatusReqID

AF OrderMassStatusRequest to-venue
    MassStatusReqID! MassStatusReqType! Account Symbol Side

i MassQuote to-venue
    QuoteID! QuoteType QuoteResponseLevel Account
    NoQuoteSets!(QuoteSetID! TotNoQuoteEntries! NoQuoteEntries!(QuoteEntryID! Symbol! BidPx OfferPx BidSize OfferSize))

Z QuoteCancel to-venue
    QuoteID! QuoteCancelType! QuoteResponseLevel Account NoQuoteEntries(Symbol!)

V MarketDataRequest to-venue
    MDReqID! SubscriptionRequestType! MarketDepth! MDUpdateType AggregatedBook NoMDEntryTypes!(MDEntryType!)
    NoRelatedSym!(Symbol!)

x SecurityListRequest to-venue
    SecurityReqID! SecurityListRequestType! Symbol

c SecurityDefinitionRequest to-venue
    SecurityReqID! SecurityRequestType! Symbol

e SecurityStatusRequest to-venue
    SecurityStatusReqID! Symbol! SubscriptionRequestType!

g TradingSessionStatusRequest to-venue
    TradSesReqID! TradingSessionID SubscriptionRequestType!

BB CollateralInquiry to-venue
    CollInquiryID! Account

U1 ProtectionRequest to-venue
    ProtectionReqID! Account Symbol! ProtectionAction! ProtectionQty ProtectionFills ProtectionWindow

8 ExecutionReport from-venue
    OrderID! ClOrdID OrigClOrdID OrdStatusReqID MassStatusReqID TotNumReports LastRptRequested ExecID!
    ExecType! OrdStatus! OrdRejReason ExecRestatementReason Account SettlDate Symbol! Side! OrderQty OrdType
    Price Currency TimeInForce ExpireDate ExecInst MaxFloor LastQty LastPx LastLiquidityInd LeavesQty! CumQty! AvgPx!
    TransactTime GrossTradeAmt TrdMatchID NoMiscFees(MiscFeeAmt! MiscFeeCurr MiscFeeType!) Text EncodedText
    VenueRejectCode VenueSeq NoDeliveryClasses(DeliveryClass! DeliveryQty!) SerialSettlDate DeliveryDeferred
    SelfTradePrevention

9 OrderCancelReject from-venue
    OrderID! ClOrdID! OrigClOrdID! OrdStatus! Account TransactTime CxlRejResponseTo! CxlRejReason Text EncodedText
    VenueRejectCode VenueSeq

r OrderMassCancelReport from-venue
    ClOrdID OrderID! MassCancelRequestType! MassCancelResponse! MassCancelRejectReason TotalAffectedOrders
    Account Symbol Side TransactTime Text EncodedText VenueRejectCode
    VenueSeq

b MassQuoteAcknowledgement from-venue
    QuoteID! QuoteStatus! QuoteRejectReason Account Text EncodedText
    NoQuoteSets(QuoteSetID! TotNoQuoteEntries
        NoQuoteEntries(QuoteEntryID! Symbol QuoteEntryRejectReason EntryRejectCode))
    VenueRejectCode VenueSeq

W MarketDataSnapshotFullRefresh from-venue
    MDReqID Symbol! VenueSeq
    NoMDEntries!(MDEntryType! MDEntryPx MDEntrySize MDEntryDate MDEntryTime MDEntryID MDEntryPositionNo TakerSide)

X MarketDataIncrementalRefresh from-venue
    MDReqID VenueSeq
    NoMDEntries!(MDUpdateAction! MDEntryType MDEntryID Symbol MDEntryPx MDEntrySize MDEntryDate MDEntryTime
        MDEntryPositionNo TakerSide)

Y MarketDataRequestReject from-venue
    MDReqID! MDReqRejReason Text EncodedText VenueRejectCode

y SecurityList from-venue
    SecurityReqID! SecurityResponseID! SecurityRequestResult! TotNoRelatedSym LastFragment
    NoRelatedSym(Symbol! {INSTRUMENT_TERMS}) VenueSeq

d SecurityDefinition from-venue
    SecurityReqID! SecurityResponseID! SecurityResponseType! Symbol {INSTRUMENT_TERMS} Text EncodedText
    VenueRejectCode VenueSeq

f SecurityStatus from-venue
    SecurityStatusReqID Symbol! UnsolicitedIndicator SecurityTradingStatus LastPx ReferencePrice LowLimitPrice
    HighLimitPrice TransactTime Text EncodedText VenueSeq

h TradingSessionStatus from-venue
    TradSesReqID TradingSessionID! UnsolicitedIndicator TradSesStatus! TradSesStatusRejReason TradeDate Text
    EncodedText VenueSeq

BG CollateralInquiryAck from-venue
    CollInquiryID! CollInquiryStatus! CollInquiryResult TotNumReports Account Text EncodedText VenueRejectCode

BA CollateralReport from-venue
    CollRptID! CollInquiryID CollStatus! TotNumReports LastRptRequested Account TransactTime
    NoBalances(AssetID! TotalQty! HeldQty! AvailableQty!) VenueSeq

U2 ProtectionReport from-venue
    ProtectionReqID Account Symbol! ProtectionAction ProtectionState! ProtectionQty ProtectionFills ProtectionWindow
    Text EncodedText VenueRejectCode VenueSeq
"""

_STANDARD_MSG_TYPES = """
0 1 2 3 4 5 6 7 8 9 A B C D E F G H J K L M N P Q R S T V W X Y Z a b c d e f g h i j k l m n o p q r s t u v w x y z
AA AB AC AD AE AF AG AH AI AJ AK AL AM AN AO AP AQ AR AS AT AU AV AW AX AY AZ BA BB BC BD BE BF BG BH
"""
STANDARD_MSG_TYPES = frozenset(_STANDARD_MSG_TYPES.split())
"""All message types of FIX 4.4: one that is not in our table is valid but not supported."""
