"""The fields of the dialect, one a line: tag, name, type, then the permitted values or the length field of a data field.

Tags, names, types and values are those of FIX 4.4. From 20001 on they are the venue's own (user-defined), with their meaning.
"""

from __future__ import annotations

FIELD_TABLE = """
1      Account                      STRING
6      AvgPx                        PRICE
7      BeginSeqNo                   SEQNUM
8      BeginString                  STRING
9      BodyLength                   LENGTH
10     CheckSum                     STRING
11     ClOrdID                      STRING
14     CumQty                       QTY
15     Currency                     CURRENCY
16     EndSeqNo                     SEQNUM
17     ExecID                       STRING
18     ExecInst                     MULTIPLEVALUESTRING  6=PARTICIPATE_DONT_INITIATE
21     HandlInst                    CHAR  1=AUTOMATED_EXECUTION_ORDER_PRIVATE
31     LastPx                       PRICE
32     LastQty                      QTY
34     MsgSeqNum                    SEQNUM
35     MsgType                      STRING
36     NewSeqNo                     SEQNUM
37     OrderID                      STRING
38     OrderQty                     QTY
39     OrdStatus                    CHAR  0=NEW 1=PARTIALLY_FILLED 2=FILLED 4=CANCELED 8=REJECTED C=EXPIRED
40     OrdType                      CHAR  1=MARKET 2=LIMIT
41     OrigClOrdID                  STRING
43     PossDupFlag                  BOOLEAN
44     Price                        PRICE
45     RefSeqNum                    SEQNUM
49     SenderCompID                 STRING
50     SenderSubID                  STRING
52     SendingTime                  UTCTIMESTAMP
54     Side                         CHAR  1=BUY 2=SELL
55     Symbol                       STRING
56     TargetCompID                 STRING
57     TargetSubID                  STRING
58     Text                         STRING
59     TimeInForce                  CHAR  0=DAY 1=GOOD_TILL_CANCEL 3=IMMEDIATE_OR_CANCEL 4=FILL_OR_KILL 6=GOOD_TILL_DATE
60     TransactTime                 UTCTIMESTAMP
64     SettlDate                    LOCALMKTDATE
75     TradeDate                    LOCALMKTDATE
95     RawDataLength                LENGTH
96     RawData                      DATA  length=95
97     PossResend                   BOOLEAN
98     EncryptMethod                INT  0=NONE_OTHER
102    CxlRejReason                 INT  0=TOO_LATE_TO_CANCEL 1=UNKNOWN_ORDER 2=BROKER 6=DUPLICATE_CLORDID 99=OTHER
103    OrdRejReason                 INT  0=BROKER 1=UNKNOWN_SYMBOL 2=EXCHANGE_CLOSED 3=ORDER_EXCEEDS_LIMIT 4=TOO_LATE_TO_ENTER 5=UNKNOWN_ORDER 6=DUPLICATE_ORDER 11=UNSUPPORTED_ORDER_CHARACTERISTIC 13=INCORRECT_QUANTITY 15=UNKNOWN_ACCOUNT 99=OTHER
107    SecurityDesc                 STRING
108    HeartBtInt                   INT
111    MaxFloor                     QTY
112    TestReqID                    STRING
117    QuoteID                      STRING
122    OrigSendingTime              UTCTIMESTAMP
123    GapFillFlag                  BOOLEAN
132    BidPx                        PRICE
133    OfferPx                      PRICE
134    BidSize                      QTY
135    OfferSize                    QTY
136    NoMiscFees                   NUMINGROUP
137    MiscFeeAmt                   AMT
138    MiscFeeCurr                  CURRENCY
139    MiscFeeType                  CHAR  4=EXCHANGE_FEES
141    ResetSeqNumFlag              BOOLEAN
142    SenderLocationID             STRING
143    TargetLocationID             STRING
146    NoRelatedSym                 NUMINGROUP
150    ExecType                     CHAR  0=NEW 4=CANCELED 5=REPLACED 8=REJECTED C=EXPIRED D=RESTATED F=TRADE I=ORDER_STATUS
151    LeavesQty                    QTY
262    MDReqID                      STRING
263    SubscriptionRequestType      CHAR  0=SNAPSHOT 1=SNAPSHOT_PLUS_UPDATES 2=DISABLE_PREVIOUS_SNAPSHOT_PLUS_UPDATE_REQUEST
264    MarketDepth                  INT
265    MDUpdateType                 INT  0=FULL_REFRESH 1=INCREMENTAL_REFRESH
266    AggregatedBook               BOOLEAN
267    NoMDEntryTypes               NUMINGROUP
268    NoMDEntries                  NUMINGROUP
269    MDEntryType                  CHAR  0=BID 1=OFFER 2=TRADE
270    MDEntryPx                    PRICE
271    MDEntrySize                  QTY
272    MDEntryDate                  UTCDATEONLY
273    MDEntryTime                  UTCTIMEONLY
278    MDEntryID                    STRING
279    MDUpdateAction               CHAR  0=NEW 1=CHANGE 2=DELETE
281    MDReqRejReason               CHAR  0=UNKNOWN_SYMBOL 1=DUPLICATE_MDREQID 2=INSUFFICIENT_BANDWIDTH 3=INSUFFICIENT_PERMISSIONS 4=UNSUPPORTED_SUBSCRIPTIONREQUESTTYPE 5=UNSUPPORTED_MARKETDEPTH 6=UNSUPPORTED_MDUPDATETYPE 7=UNSUPPORTED_AGGREGATEDBOOK 8=UNSUPPORTED_MDENTRYTYPE
290    MDEntryPositionNo            INT
295    NoQuoteEntries               NUMINGROUP
296    NoQuoteSets                  NUMINGROUP
297    QuoteStatus                  INT  0=ACCEPTED 1=CANCELED_FOR_SYMBOL 4=CANCELED_ALL 5=REJECTED 6=REMOVED_FROM_MARKET
298    QuoteCancelType              INT  1=CANCEL_FOR_ONE_OR_MORE_SECURITIES 4=CANCEL_ALL_QUOTES
299    QuoteEntryID                 STRING
300    QuoteRejectReason            INT  1=UNKNOWN_SYMBOL 2=EXCHANGE_CLOSED 3=QUOTE_REQUEST_EXCEEDS_LIMIT 4=TOO_LATE_TO_ENTER 5=UNKNOWN_QUOTE 6=DUPLICATE_QUOTE 7=INVALID_BID_ASK_SPREAD 8=INVALID_PRICE 9=NOT_AUTHORIZED_TO_QUOTE_SECURITY 99=OTHER
301    QuoteResponseLevel           INT  0=NO_ACKNOWLEDGEMENT 1=ACKNOWLEDGE_ONLY_NEGATIVE_OR_ERRONEOUS_QUOTES 2=ACKNOWLEDGE_EACH_QUOTE_MESSAGE
302    QuoteSetID                   STRING
304    TotNoQuoteEntries            INT
320    SecurityReqID                STRING
321    SecurityRequestType          INT  0=REQUEST_SECURITY_IDENTITY_AND_SPECIFICATIONS
322    SecurityResponseID           STRING
323    SecurityResponseType         INT  1=ACCEPT_SECURITY_PROPOSAL_AS_IS 5=REJECT_SECURITY_PROPOSAL 6=CANNOT_MATCH_SELECTION_CRITERIA
324    SecurityStatusReqID          STRING
325    UnsolicitedIndicator         BOOLEAN
326    SecurityTradingStatus        INT  2=TRADING_HALT 17=READY_TO_TRADE 18=NOT_AVAILABLE_FOR_TRADING 20=UNKNOWN_OR_INVALID
335    TradSesReqID                 STRING
336    TradingSessionID             STRING
340    TradSesStatus                INT  0=UNKNOWN 1=HALTED 2=OPEN 3=CLOSED 6=REQUEST_REJECTED
347    MessageEncoding              STRING  UTF-8=UTF_8
350    EncodedSecurityDescLen       LENGTH
351    EncodedSecurityDesc          DATA  length=350
354    EncodedTextLen               LENGTH
355    EncodedText                  DATA  length=354
368    QuoteEntryRejectReason       INT  1=UNKNOWN_SYMBOL 2=EXCHANGE_CLOSED 3=QUOTE_EXCEEDS_LIMIT 4=TOO_LATE_TO_ENTER 5=UNKNOWN_QUOTE 6=DUPLICATE_QUOTE 7=INVALID_BID_ASK_SPREAD 8=INVALID_PRICE 9=NOT_AUTHORIZED_TO_QUOTE_SECURITY 99=OTHER
369    LastMsgSeqNumProcessed       SEQNUM
371    RefTagID                     INT
372    RefMsgType                   STRING
373    SessionRejectReason          INT  0=INVALID_TAG_NUMBER 1=REQUIRED_TAG_MISSING 2=TAG_NOT_DEFINED_FOR_THIS_MESSAGE_TYPE 3=UNDEFINED_TAG 4=TAG_SPECIFIED_WITHOUT_A_VALUE 5=VALUE_IS_INCORRECT 6=INCORRECT_DATA_FORMAT_FOR_VALUE 7=DECRYPTION_PROBLEM 8=SIGNATURE_PROBLEM 9=COMPID_PROBLEM 10=SENDINGTIME_ACCURACY_PROBLEM 11=INVALID_MSGTYPE 12=XML_VALIDATION_ERROR 13=TAG_APPEARS_MORE_THAN_ONCE 14=TAG_SPECIFIED_OUT_OF_REQUIRED_ORDER 15=REPEATING_GROUP_FIELDS_OUT_OF_ORDER 16=INCORRECT_NUMINGROUP_COUNT_FOR_REPEATING_GROUP 17=NON_DATA_VALUE_INCLUDES_FIELD_DELIMITER 99=OTHER
378    ExecRestatementReason        INT  5=PARTIAL_DECLINE_OF_ORDERQTY 8=MARKET_OPTION 99=OTHER
379    BusinessRejectRefID          STRING
380    BusinessRejectReason         INT  0=OTHER 1=UNKNOWN_ID 2=UNKNOWN_SECURITY 3=UNSUPPORTED_MESSAGE_TYPE 4=APPLICATION_NOT_AVAILABLE 5=CONDITIONALLY_REQUIRED_FIELD_MISSING 6=NOT_AUTHORIZED
381    GrossTradeAmt                AMT
383    MaxMessageSize               LENGTH
393    TotNoRelatedSym              INT
432    ExpireDate                   LOCALMKTDATE
434    CxlRejResponseTo             CHAR  1=ORDER_CANCEL_REQUEST 2=ORDER_CANCEL_REPLACE_REQUEST
530    MassCancelRequestType        CHAR  1=CANCEL_ORDERS_FOR_A_SECURITY 7=CANCEL_ALL_ORDERS
531    MassCancelResponse           CHAR  0=CANCEL_REQUEST_REJECTED 1=CANCEL_ORDERS_FOR_A_SECURITY 7=CANCEL_ALL_ORDERS
532    MassCancelRejectReason       INT  0=MASS_CANCEL_NOT_SUPPORTED 1=INVALID_OR_UNKNOWN_SECURITY 99=OTHER
533    TotalAffectedOrders          INT
537    QuoteType                    INT  1=TRADEABLE
553    Username                     STRING
554    Password                     STRING
559    SecurityListRequestType      INT  0=SYMBOL 4=ALL_SECURITIES
560    SecurityRequestResult        INT  0=VALID_REQUEST 1=INVALID_OR_UNSUPPORTED_REQUEST 2=NO_INSTRUMENTS_FOUND 3=NOT_AUTHORIZED_TO_RETRIEVE_INSTRUMENT_DATA 4=INSTRUMENT_DATA_TEMPORARILY_UNAVAILABLE
561    RoundLot                     QTY
562    MinTradeVol                  QTY
567    TradSesStatusRejReason       INT  1=UNKNOWN_OR_INVALID_TRADINGSESSIONID 99=OTHER
584    MassStatusReqID              STRING
585    MassStatusReqType            INT  1=STATUS_FOR_ORDERS_FOR_A_SECURITY 7=STATUS_FOR_ALL_ORDERS
790    OrdStatusReqID               STRING
851    LastLiquidityInd             INT  1=ADDED_LIQUIDITY 2=REMOVED_LIQUIDITY
880    TrdMatchID                   STRING
893    LastFragment                 BOOLEAN
908    CollRptID                    STRING
909    CollInquiryID                STRING
910    CollStatus                   INT  3=ASSIGNED
911    TotNumReports                INT
912    LastRptRequested             BOOLEAN
945    CollInquiryStatus            INT  0=ACCEPTED 3=COMPLETED 4=REJECTED
946    CollInquiryResult            INT  0=SUCCESSFUL 4=INVALID_OR_UNKNOWN_ACCOUNT 99=OTHER
20001  VenueRejectCode              INT  ; the venue's numbered reject code, such as 4000 for insufficient funds
20002  VenueSeq                     SEQNUM  ; number in the venue's event log of the event that is reported, or as of which the answer is
20003  NoDeliveryClasses            NUMINGROUP  ; classes of credits: asked for by a seller in a basket, delivered by a trade, or deliverable
20004  DeliveryClass                STRING  ; a credit class, such as VCS-1340-2019
20005  DeliveryQty                  QTY  ; units of the class, in the instrument's unit
20006  SerialSettlDate              LOCALMKTDATE  ; the date on which serial numbers change hands
20007  DeliveryDeferred             BOOLEAN  ; Y: the delivery waits for SerialSettlDate
20008  EncodedRetirementBeneficiaryLen  LENGTH  ; bytes of 20009
20009  EncodedRetirementBeneficiary     DATA  length=20008  ; 20010 in UTF-8, where it is not ASCII
20010  RetirementBeneficiary        STRING  ; buy orders: what each trade delivers is retired at once, for this beneficiary
20011  RetirementPurpose            STRING  ; why it is retired
20012  EncodedRetirementPurposeLen  LENGTH  ; bytes of 20013
20013  EncodedRetirementPurpose     DATA  length=20012  ; 20011 in UTF-8, where it is not ASCII
20015  SelfTradePrevention          INT  1=CANCEL_TAKER 2=CANCEL_MAKER 3=CANCEL_BOTH 4=DECREMENT  ; what happens when the order would trade with another of the same participant; default 1
20016  TakerSide                    CHAR  1=BUY 2=SELL  ; market data: who took
20017  EntryRejectCode              INT  ; VenueRejectCode of one quote of a mass quote
20020  ProtectionReqID              STRING  ; the request's own id
20021  ProtectionAction             INT  1=SET 2=RESET 3=QUERY  ; what is to be done with the protection of an instrument's quotes
20022  ProtectionQty                QTY  ; units traded within the window at which quotes are cancelled and frozen
20023  ProtectionFills              INT  ; number of trades within the window at which they are
20024  ProtectionWindow             INT  ; length of the window in milliseconds
20025  ProtectionState              INT  0=OFF 1=ARMED 2=FROZEN  ; whether the protection is set, and whether it was hit
20030  NoBalances                   NUMINGROUP  ; balances of the account
20031  AssetID                      STRING  ; a currency, or a credit class
20032  TotalQty                     QTY  ; all that the account has of it, cash in units of the currency
20033  HeldQty                      QTY  ; of that, held for open orders
20034  AvailableQty                 QTY  ; of that, free
20040  TickSize                     PRICE  ; smallest step of the price
20041  MaxTradeVol                  QTY  ; largest quantity of an order
20042  QuantityUnit                 STRING  t=TONNE kg=KILOGRAM  ; what one unit is, of carbon dioxide equivalent
20043  SettlDays                    INT  ; business days from trade to settlement; 0: at once
20044  LowLimitPrice                PRICE  ; lowest price that an order may have at present
20045  HighLimitPrice               PRICE  ; highest price that an order may have at present
20046  ReferencePrice               PRICE  ; the price that both limits are taken from
20047  MakerFeePpm                  INT  ; fee rate of the resting side, in millionths of the amount
20048  TakerFeePpm                  INT  ; fee rate of the other side
"""
