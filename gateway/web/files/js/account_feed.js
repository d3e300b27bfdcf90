/**
 * One account: open orders, fills, balances, retirements, block trades and settlements, kept by the private channels.
 *
 * Each channel is gapless: every push names the one before. After a reconnect the channels go on where they were, so nothing
 * is missed; if the exchange cannot go back that far, everything is loaded afresh.
 */

import { addDecimals } from "./decimal.js";
import { BlockTrades } from "./block_trades.js";
import { Refusal } from "./connection.js";

const CHANNELS = ["orders", "fills", "balances", "retirements", "block_trades", "settlements"];
/** What changes how much of the held units is frozen. */
const FREEZES = ["units_frozen", "units_released"];
const FILLS_KEPT = 300;
const FILLS_WANTED = 50;
/** The last fills are searched in windows of the log that grow by this factor, from the end backwards. */
const FIRST_WINDOW_EVENTS = 20000;
const WINDOW_FACTOR = 10;
const PAGE = 1000;

export class AccountFeed {
  /**
   * Open orders by id, oldest first.
   * @type {Map<number, any>}
   */
  orders = new Map();
  /**
   * Newest first.
   * @type {any[]}
   */
  fills = [];
  /**
   * Balances by currency.
   * @type {Map<string, {total: string, held: string}>}
   */
  cash = new Map();
  /**
   * Balances by credit class. Among the held units are locked ones, which trades that have not settled deliver, and frozen
   * ones, which may not move.
   * @type {Map<string, {total: number, held: number, locked: number, frozen: number}>}
   */
  units = new Map();
  blocks = new BlockTrades();
  /**
   * What became of deferred trades: `settled` or `cancelled`, by trade id.
   * @type {Map<number, string>}
   */
  outcomes = new Map();
  /**
   * Newest first.
   * @type {any[]}
   */
  retirements = [];
  loaded = false;
  /**
   * Seq of the last push of each channel.
   * @type {Record<string, number>}
   */
  _last = {};
  /**
   * Seq as of which each list was loaded: pushes up to there are in it.
   * @type {Record<string, number>}
   */
  _asOf = {};
  /**
   * Pushes that came while we load.
   * @type {any[]}
   */
  _early = [];
  _stopped = false;

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {string} account
   * @param {(channel: string, data: any) => void} onChange called after changes; with the data of a push that was new
   */
  constructor(connection, account, onChange) {
    this._connection = connection;
    this._onChange = onChange;
    this.account = account;
  }

  /** Loads the account and follows it. Throws Refusal or Unanswered. */
  async start() {
    this.loaded = false;
    this._early = [];
    const { account } = this;
    this.outcomes.clear();
    for (const channel of CHANNELS) if (channel !== "settlements") await this._subscribe(channel);
    const [orders, balances, holdings] = await Promise.all([
      this._connection.request("orders.open", { account }),
      this._connection.request("account.balances", { account }),
      this._connection.request("account.holdings", { account }),
    ]);
    const fills = await this._lastFills(orders.seq);
    const blocks = new BlockTrades();
    await blocks.load(this._connection, account);
    await this._subscribe("settlements", oldestDeferred([...fills, ...blocks.trades], orders.seq), true);
    this.orders = new Map(orders.orders.map((/** @type {any} */ one) => [one.order_id, one]));
    this.cash = new Map(balances.cash.map((/** @type {any} */ one) => [one.currency, one]));
    this.units = new Map(holdings.units.map((/** @type {any} */ one) => [one.class_id, one]));
    this.fills = fills;
    this.blocks = blocks;
    this.retirements = [];
    this._asOf = { orders: orders.seq, fills: orders.seq, cash: balances.seq, units: holdings.seq, retirements: 0 };
    this.loaded = true;
    const early = this._early;
    this._early = [];
    for (const params of early) this._apply(params);
    this._onChange("", null);
  }

  /** After a reconnect and logon: goes on where the channels were. Throws Refusal or Unanswered. */
  async resume() {
    if (!this.loaded) {
      await this.start();
      return;
    }
    try {
      for (const channel of CHANNELS) await this._subscribe(channel, this._last[channel]);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      await this._unsubscribe();
      await this.start();
    }
  }

  /** Stops following the account. */
  async stop() {
    this._stopped = true;
    if (this._connection.state === "open") await this._unsubscribe();
  }

  /**
   * Takes a push of a private channel.
   * @param {any} params
   */
  take(params) {
    if (params.data.account !== this.account || this._stopped) return;
    const last = this._last[params.channel];
    if (last === undefined || params.seq <= last) return;
    if (params.prev_seq > last) {
      this._startAfresh();
      return;
    }
    this._last[params.channel] = params.seq;
    if (this.loaded) this._apply(params);
    else this._early.push(params);
  }

  /**
   * Cash of a currency; `available` is what can be used.
   * @param {string} currency
   */
  cashBalance(currency) {
    const { total, held } = this.cash.get(currency) ?? { total: "0", held: "0" };
    return { currency, total, held, available: addDecimals(total, negated(held)) };
  }

  /**
   * Units that can be sold or retired.
   * @param {string} classId
   */
  availableUnits(classId) {
    const balance = this.units.get(classId);
    return balance ? balance.total - balance.held : 0;
  }

  /**
   * @param {string} channel
   * @param {number | null} fromSeq
   * @param {boolean} orFromNow where the exchange does not go back that far
   */
  async _subscribe(channel, fromSeq = null, orFromNow = false) {
    /** @type {Record<string, unknown>} */
    const params = { channel, account: this.account };
    // There is no list of retirements to ask for: the channel tells them all.
    if (fromSeq !== null) params.from_seq = fromSeq;
    else if (channel === "retirements") params.from_seq = 0;
    const optional = orFromNow || (channel === "retirements" && fromSeq === null);
    // What the channel pushes comes after the answer, and is taken from there on.
    this._last[channel] = Number(params.from_seq ?? Number.MAX_SAFE_INTEGER);
    try {
      const answer = await this._connection.request("subscribe", params);
      this._last[channel] = Math.min(answer.seq, this._last[channel]);
    } catch (error) {
      if (!(error instanceof Refusal) || !optional) throw error;
      const answer = await this._connection.request("subscribe", { channel, account: this.account });
      this._last[channel] = answer.seq;
    }
  }

  async _unsubscribe() {
    for (const channel of CHANNELS) {
      try {
        await this._connection.request("unsubscribe", { channel, account: this.account });
      } catch (error) {
        // A channel that is off is as good.
        if (!(error instanceof Refusal)) throw error;
      }
    }
  }

  _startAfresh() {
    this.loaded = false;
    this._last = {};
    this._unsubscribe()
      .then(() => this.start())
      .catch(() => this._connection.renew());
  }

  /**
   * The last fills up to a place in the log, newest first.
   * @param {number} upTo
   */
  async _lastFills(upTo) {
    for (let window = FIRST_WINDOW_EVENTS; ; window *= WINDOW_FACTOR) {
      const start = Math.max(0, upTo - window);
      /** @type {any[]} */
      let found = [];
      /** @type {number | null} */
      let after = start;
      while (after !== null) {
        /** @type {any} */
        const page = await this._connection.request("fills.list", { account: this.account, after_seq: after, limit: PAGE });
        found = [...found, ...page.fills].slice(-FILLS_KEPT);
        after = page.next_after_seq ?? null;
      }
      if (found.length >= FILLS_WANTED || start === 0) {
        return found.filter((fill) => fill.trade_id <= upTo).reverse();
      }
    }
  }

  /** @param {any} params */
  _apply(params) {
    const { channel, seq, data } = params;
    if (seq > this._asOf.units) this._changeLocked(channel, data);
    if (channel === "balances") {
      if (seq > this._asOf.cash) this._changeCash(data.cash);
      if (seq > this._asOf.units) this._changeUnits(data.units);
      if (FREEZES.includes(data.cause)) this._loadUnits();
    } else if (channel === "block_trades") {
      this.blocks.apply(seq, data);
    } else if (channel === "settlements") {
      this.outcomes.set(data.trade_id, data.outcome);
      if (seq <= this._asOf.orders) {
        // What is replayed is shown, but no news.
        this._onChange("", null);
        return;
      }
    } else {
      if (seq <= this._asOf[channel]) return;
      if (channel === "orders") this._applyOrder(data);
      else if (channel === "fills") this.fills = [data, ...this.fills].slice(0, FILLS_KEPT);
      else this.retirements.unshift(data);
    }
    this._onChange(channel, data);
  }

  /** @param {any} data */
  _applyOrder(data) {
    if (data.kind === "accepted") {
      this.orders.set(data.order_id, { ...data, filled: 0 });
    } else if (data.kind === "cancelled") {
      this.orders.delete(data.order_id);
    } else if (data.kind === "amended") {
      this._change(data.order_id, (order) => ({ ...order, price: data.price, quantity: data.quantity }));
    } else if (data.kind === "filled") {
      this._change(data.order_id, (order) => ({ ...order, filled: order.filled + data.quantity }));
    } else if (data.kind === "decremented") {
      for (const id of [data.maker_order_id, data.taker_order_id]) {
        this._change(id, (order) => ({ ...order, quantity: order.quantity - data.quantity }));
      }
    }
  }

  /**
   * @param {number} orderId
   * @param {(order: any) => any} change
   */
  _change(orderId, change) {
    const order = this.orders.get(orderId);
    if (!order) return;
    const changed = change(order);
    if (changed.filled >= changed.quantity) this.orders.delete(orderId);
    else this.orders.set(orderId, changed);
  }

  /** @param {{currency: string, total_change: string, held_change: string}[]} changes */
  _changeCash(changes) {
    for (const { currency, total_change, held_change } of changes) {
      const balance = this.cash.get(currency) ?? { total: "0", held: "0" };
      this.cash.set(currency, {
        total: addDecimals(balance.total, total_change),
        held: addDecimals(balance.held, held_change),
      });
    }
  }

  /** @param {{class_id: string, total_change: number, held_change: number}[]} changes */
  _changeUnits(changes) {
    for (const { class_id, total_change, held_change } of changes) {
      const balance = this.units.get(class_id) ?? { total: 0, held: 0, locked: 0, frozen: 0 };
      const [total, held] = [balance.total + total_change, balance.held + held_change];
      if (total) this.units.set(class_id, { ...balance, total, held });
      else this.units.delete(class_id);
    }
  }

  /** Loads the units afresh. */
  async _loadUnits() {
    const holdings = await this._connection.request("account.holdings", { account: this.account }).catch(() => null);
    // Without an answer the connection is lost, and everything is followed from there on when it is back.
    if (!holdings || this._stopped) return;
    this.units = new Map(holdings.units.map((/** @type {any} */ one) => [one.class_id, one]));
    this._asOf.units = holdings.seq;
    this._onChange("", null);
  }

  /**
   * A deferred sale locks what it delivers until it settles.
   * @param {string} channel
   * @param {any} data
   */
  _changeLocked(channel, data) {
    const sale = channel === "block_trades" ? data.trade : data;
    if (sale?.side !== "sell") return;
    let sign = 0;
    if (channel === "settlements") sign = -1;
    else if (["fills", "block_trades"].includes(channel) && sale.deferred) sign = 1;
    else return;
    for (const { class_id, quantity } of sale.delivered) {
      const balance = this.units.get(class_id);
      if (balance) this.units.set(class_id, { ...balance, locked: balance.locked + sign * quantity });
    }
  }
}

/** @param {string} text */
function negated(text) {
  return text.startsWith("-") ? text.slice(1) : `-${text}`;
}

/**
 * Just before the oldest of the trades that settle later than they were made; what became of all of them is told from there on.
 * @param {any[]} trades
 * @param {number} end where there is none
 */
const oldestDeferred = (trades, end) =>
  trades.reduce((oldest, trade) => (trade.deferred ? Math.min(oldest, trade.trade_id - 1) : oldest), end);
