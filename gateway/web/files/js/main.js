/** Puts the page together: one connection, the feeds that live on it, and the views that show them. */

import { Connection, Unanswered, isTransient } from "./connection.js";
import { Desk } from "./desk.js";
import { InstrumentFeed } from "./instrument_feed.js";
import { MarketFeed } from "./market_feed.js";
import { byId, element, oncePerFrame, selectById, setText, show } from "./dom.js";
import { grouped } from "./decimal.js";
import { isOutdated } from "./page_version.js";
import { AccountView } from "./views/account_view.js";
import { AmendView } from "./views/amend_view.js";
import { BlockView } from "./views/block_view.js";
import { BookView } from "./views/book_view.js";
import { creditsText } from "./views/cells.js";
import { CertificateView } from "./views/certificate_view.js";
import { ChartView } from "./views/chart_view.js";
import { LogOnView } from "./views/log_on_view.js";
import { MarketsView } from "./views/markets_view.js";
import { notify, notifyError } from "./views/notices.js";
import { RetireView } from "./views/retire_view.js";
import { SerialsView } from "./views/serials_view.js";
import { StatementView } from "./views/statement_view.js";
import { StatusView } from "./views/status_view.js";
import { StripView } from "./views/strip_view.js";
import { TicketView } from "./views/ticket_view.js";
import { TradesView } from "./views/trades_view.js";

const PUBLIC_CHANNELS = ["book", "trades", "candles"];
const DEFAULT_CASH_DECIMALS = 2;
/** Why orders end without being asked to. */
const CANCEL_REASONS = {
  self_trade: "it would have met an order of your own",
  expired: "its time is over",
  disconnected: "its session ended",
  dead_man: "the dead-man timer ran out",
  instrument_closed: "the instrument was closed",
  units_frozen: "units that it was to deliver were frozen",
  not_deliverable: "a class that it was to deliver left the basket",
  protection: "the account traded as much as its protection allows",
  class_changed: "units that it was to deliver became another class",
};

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const connection = new Connection(`${scheme}//${location.host}/ws`);
const status = new StatusView();

const instruments = new InstrumentFeed(connection, () => drawInstruments());
const market = new MarketFeed(connection, {
  book: () => drawBook(),
  trades: () => drawTrades(),
  candles: (changed) => chart.draw(changed),
});
const desk = new Desk(connection, {
  changed: () => drawAccount(),
  pushed: (channel, data) => tell(channel, data),
  told: (sentence) => notify(sentence, "refused"),
});

/** @param {string} classId */
const classOf = (classId) => instruments.classes.get(classId);

const chart = new ChartView(market);
const tradesView = new TradesView(market);
const bookView = new BookView(market, (price) => ticket.setPrice(price));
const strip = new StripView(instruments);
const markets = new MarketsView(instruments, (symbol) => select(symbol));
const ticket = new TicketView(desk.requests, circumstances);
const amend = new AmendView(desk.requests);
const certificate = new CertificateView();
const retire = new RetireView(desk.requests, classOf, (retirement) => certificate.open(retirement));
const block = new BlockView(desk.requests, () => instruments.instruments);
const serials = new SerialsView(connection);
const statement = new StatementView(
  connection,
  () => desk.account && { account: desk.account.account, businessDate: instruments.businessDate },
);
const logOn = new LogOnView(
  (key, cancelOnDisconnect) => desk.logOn(key, cancelOnDisconnect),
  () => desk.logOff(),
);
const accountView = new AccountView(classOf, {
  amend: (order) => amend.open(order.account, desk.account?.orders.get(order.order_id) ?? order),
  cancel: (order) => desk.requests.cancel(order.account, order.order_id).catch(notifyError),
  cancelAll: () => cancelAll(),
  serials: (classId) => desk.account && serials.open(desk.account.account, classId),
  retire: (classId) => desk.account && retire.open(desk.account, classId),
  select: (symbol) => select(symbol),
  certificate: (retirement) => certificate.open(retirement),
  withdrawBlock: (half) => desk.requests.withdrawBlock(namesOf(half)).catch(notifyError),
  agreeBlock: (half) => block.openAlleged(half),
});

const drawInstruments = oncePerFrame(() => {
  status.businessDate(instruments.businessDate);
  if (!market.symbol) selectFirst();
  markets.draw();
  strip.draw();
  ticket.draw();
});
const drawBook = oncePerFrame(() => {
  bookView.draw(instruments.lastPrice(market.symbol));
  ticket.draw();
});
const drawTrades = oncePerFrame(() => tradesView.draw());
const drawAccount = oncePerFrame(() => {
  const { account, session, keyId } = desk;
  logOn.draw(keyId, session.loggedOn?.role ?? "");
  drawAccountChoice();
  accountView.draw(account, session.mayTrade);
  statement.draw();
  bookView.ownPrices = new Set(
    [...(account?.orders.values() ?? [])]
      .filter((order) => order.instrument === market.symbol)
      .map((order) => order.price),
  );
  bookView.draw(instruments.lastPrice(market.symbol));
  ticket.draw();
});

connection.onState = (/** @type {import("./connection.js").ConnectionState} */ state) => {
  status.connection(state);
  if (state === "open" && connection.hello) connected(connection.hello);
  else if (state === "lost") lost();
  drawInstruments();
};
connection.onSeq = (/** @type {number} */ seq) => status.seq(seq);
connection.onEvent = (/** @type {any} */ params) => {
  if (params.channel === "ticker") instruments.take(params);
  else if (PUBLIC_CHANNELS.includes(params.channel)) market.take(params);
  else desk.take(params);
};

byId("intervals").addEventListener("change", (event) => {
  market.chooseInterval(/** @type {HTMLInputElement} */ (event.target).value).catch(tellUnlessLost);
});
selectById("account").addEventListener("change", (event) => {
  desk.chooseAccount(/** @type {HTMLSelectElement} */ (event.target).value).catch(tellUnlessLost);
});
byId("new-block").addEventListener("click", () => desk.account && block.openNew(desk.account.account, market.symbol));
byId("views").addEventListener("click", (event) => {
  const view = /** @type {HTMLElement} */ (event.target).dataset.view;
  if (view) showView(view);
});
window.addEventListener("hashchange", () => select(symbolInAddress()));

drawAccount();
drawInstruments();
drawBook();
drawTrades();
chart.draw(null);
connection.start();

/**
 * A connection is open, for the first time or again.
 * @param {any} hello
 */
async function connected(hello) {
  status.venue(hello.venue);
  try {
    await Promise.all([desk.connected(hello.nonce), instruments.connected(), market.connected()]);
  } catch (error) {
    tellUnlessLost(error);
    if (isTransient(error)) connection.renew();
  }
  if (await isOutdated()) notify("The exchange has a newer version of this page: reload it when convenient.", "refused");
}

function lost() {
  desk.lost();
  market.lost();
  // The exchange said why it closed: a revoked key, a connection that read too slowly.
  if (connection.closedByPolicy) notify(`The exchange closed the connection: ${connection.closeReason}.`, "refused");
}

/** @param {unknown} error */
function tellUnlessLost(error) {
  // The top line tells of a lost connection, and everything is asked again afterwards.
  if (!(error instanceof Unanswered)) notifyError(error);
}

function selectFirst() {
  const wanted = symbolInAddress();
  if (instruments.instruments.has(wanted)) select(wanted);
  else if (instruments.instruments.size) select(lastTraded());
  else showNoMarkets();
}

/** The instrument with the newest trade; before the first trade the first one by name. */
function lastTraded() {
  const listed = [...instruments.instruments.values()];
  return listed.reduce((found, one) => (one.last_trade_id > found.last_trade_id ? one : found)).symbol;
}

/** @param {string} symbol */
function select(symbol) {
  const instrument = instruments.instruments.get(symbol);
  if (!instrument || symbol === market.symbol) return;
  // The address names the instrument, so that it can be kept and shared.
  history.replaceState(null, "", `#${encodeURIComponent(symbol)}`);
  chart.select(instrument);
  market.select(symbol).catch(tellUnlessLost);
  markets.select(symbol);
  strip.select(symbol);
  drawAccount();
  if (document.body.dataset.view === "markets") showView("chart");
}

function symbolInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

function showNoMarkets() {
  if (!instruments.loaded) return;
  setText(byId("strip-what"), "No instrument is listed yet.");
  setText(byId("chart-empty"), "No instrument is listed yet.");
  setText(byId("trades-empty"), "No trades yet.");
}

/** @returns {import("./views/ticket_view.js").Circumstances} */
function circumstances() {
  const instrument = instruments.instruments.get(market.symbol) ?? null;
  const { bids, asks } = market.book;
  return {
    instrument,
    account: desk.account,
    obstacle: obstacle(instrument),
    bestBid: bids[0]?.[0] ?? null,
    bestAsk: asks[0]?.[0] ?? null,
    cashDecimals: cashDecimals(instrument?.currency),
  };
}

/**
 * Why no order can be placed now.
 * @param {any} instrument
 */
function obstacle(instrument) {
  if (connection.state !== "open") return "No connection: orders cannot be sent now.";
  if (!instrument) return "No instrument is selected.";
  if (instrument.state === "halted") return `${instrument.symbol} is halted: it takes cancels only.`;
  if (instrument.state === "closed") return `${instrument.symbol} is closed.`;
  if (!desk.keyId) return "Log on to place orders.";
  if (!desk.session.loggedOn || !desk.account?.loaded) return "Logging on";
  if (!desk.session.mayTrade) return "This key may look on but not trade.";
  return "";
}

/**
 * The balance of a currency shows how many decimals it has.
 * @param {string | undefined} currency
 */
function cashDecimals(currency) {
  const total = currency && desk.account?.cash.get(currency)?.total;
  return total ? (total.split(".")[1] ?? "").length : DEFAULT_CASH_DECIMALS;
}

function drawAccountChoice() {
  const { accounts, account } = desk;
  const choice = selectById("account");
  show(byId("account-choice"), Boolean(account));
  byId("account-choice").classList.toggle("single", accounts.length < 2);
  if ([...choice.options].map((option) => option.value).join() !== accounts.join()) {
    choice.replaceChildren(...accounts.map((name) => element("option", { value: name }, name)));
  }
  if (account) choice.value = account.account;
}

async function cancelAll() {
  if (!desk.account) return;
  try {
    const answer = await desk.requests.cancelAll(desk.account.account);
    const count = answer.order_ids.length;
    notify(count === 1 ? "1 order cancelled." : `${count} orders cancelled.`, "done");
  } catch (error) {
    notifyError(error);
  }
}

/**
 * Tells of what happens to orders without their owner's doing; what a request does stands in its answer.
 * @param {string} channel
 * @param {any} data
 */
function tell(channel, data) {
  if (channel === "fills" && data.liquidity === "maker") {
    const what = data.side === "buy" ? "Bought" : "Sold";
    notify(`${what} ${grouped(data.quantity)} ${data.instrument} at ${grouped(data.price)}.`, "done");
  } else if (channel === "orders" && data.kind === "cancelled" && data.reason in CANCEL_REASONS) {
    const reason = CANCEL_REASONS[/** @type {keyof CANCEL_REASONS} */ (data.reason)];
    notify(`Order ${data.order_id} in ${data.instrument}: ${grouped(data.quantity)} cancelled, ${reason}.`);
  } else if (channel === "orders" && data.kind === "decremented") {
    const orders = `${data.maker_order_id} and ${data.taker_order_id}`;
    notify(`Orders ${orders} would have met: ${grouped(data.quantity)} taken off both.`);
  } else if (channel === "block_trades") {
    tellOfBlock(data);
  } else if (channel === "settlements") {
    const what = `${creditsText(data.delivered)} for ${grouped(data.amount)} ${data.currency}`;
    if (data.outcome === "cancelled") notify(`Trade ${data.trade_id} will not settle (${what}): ${data.reason}.`);
    else notify(`Trade ${data.trade_id} settled: ${what}.`, "done");
    // A day has ended.
    instruments.reload().catch(tellUnlessLost);
  }
}

/** @param {any} data */
function tellOfBlock(data) {
  const own = desk.account?.account;
  if (data.kind === "keyed" && data.half.account !== own) {
    notify(`${data.half.account} keyed block trade ${data.half.trade_reference} with you: see under Block trades.`);
  } else if (data.kind === "ended" && (data.reason !== "requested" || data.keyed_by !== own)) {
    const how = data.reason === "expired" ? "expired with the day" : "was withdrawn";
    notify(`Block trade ${data.trade_reference} of ${data.keyed_by} with ${data.counterparty} ${how}.`);
  } else if (data.kind === "traded") {
    const { trade } = data;
    notify(`${trade.side === "buy" ? "Bought" : "Sold"} ${grouped(trade.quantity)} ${trade.instrument} at ${grouped(trade.price)}: block trade ${trade.trade_reference}.`, "done");
  }
}

/**
 * What names a half.
 * @param {any} half
 */
const namesOf = ({ account, counterparty, trade_reference }) => ({ account, counterparty, trade_reference });

/** @param {string} view */
function showView(view) {
  document.body.dataset.view = view;
  for (const button of byId("views").querySelectorAll("button")) {
    if (button.dataset.view === view) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}
