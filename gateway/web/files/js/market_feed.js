/** The selected instrument: its book, its trades and its candles. */

import { BookMismatch, BookModel } from "./book_model.js";

const BOOK_DEPTH = 25;
const TRADES_SHOWN = 80;
const CANDLES_LOADED = 500;
/** After so many mismatches in a row the page says so instead of asking for ever. */
const MOST_MISMATCHES = 3;

export class MarketFeed {
  /**
   * @param {import("./connection.js").Connection} connection
   * @param {{book: () => void, trades: () => void, candles: (changed: any[] | null) => void}} on called after changes;
   *   candles with null when all are others
   */
  constructor(connection, on) {
    this._connection = connection;
    this._on = on;
    this.symbol = "";
    this.interval = "1m";
    this.book = new BookModel();
    /** @type {"loading" | "verified" | "broken" | "past"} */
    this.bookState = "loading";
    this._mismatches = 0;
    /** @type {any[]} newest first */
    this.trades = [];
    this.tradesLoaded = false;
    /** @type {Map<number, any>} by start in nanoseconds */
    this.candles = new Map();
    this.candlesLoaded = false;
  }

  /**
   * Follows another instrument. Throws Refusal or Unanswered.
   * @param {string} symbol
   */
  async select(symbol) {
    const before = this.symbol;
    this.symbol = symbol;
    this._forget();
    const leaving = before && this._connection.state === "open" ? this._leave(before) : Promise.resolve();
    await Promise.all([leaving, this._enter(symbol)]);
  }

  /** A connection is open: follows the selected instrument on it. Throws Refusal or Unanswered. */
  async connected() {
    if (!this.symbol) return;
    this.bookState = "loading";
    await this._enter(this.symbol);
  }

  /** The connection is lost: what we hold is how things were. */
  lost() {
    this.bookState = "past";
    this._on.book();
  }

  /**
   * Shows candles of another length. Throws Refusal or Unanswered.
   * @param {string} interval
   */
  async chooseInterval(interval) {
    const before = this.interval;
    this.interval = interval;
    this.candles.clear();
    this.candlesLoaded = false;
    this._on.candles(null);
    if (!this.symbol) return;
    await Promise.all([
      this._connection.request("unsubscribe", { channel: "candles", instrument: this.symbol, interval: before }),
      this._enterCandles(this.symbol, interval),
    ]);
  }

  /**
   * Takes a push of the channels `book`, `trades` and `candles`.
   * @param {any} params
   */
  take(params) {
    if (params.data.instrument !== this.symbol) return;
    if (params.channel === "book") this._takeBook(params);
    else if (params.channel === "trades") this._mergeTrades(params.data.trades);
    else if (params.data.interval === this.interval) this._mergeCandles(params.data.candles);
  }

  _forget() {
    this.book = new BookModel();
    this.bookState = "loading";
    this._mismatches = 0;
    this.trades = [];
    this.tradesLoaded = false;
    this.candles.clear();
    this.candlesLoaded = false;
    this._on.book();
    this._on.trades();
    this._on.candles(null);
  }

  /** @param {string} instrument */
  _leave(instrument) {
    const request = (/** @type {any} */ params) => this._connection.request("unsubscribe", { instrument, ...params });
    return Promise.all([
      request({ channel: "book" }),
      request({ channel: "trades" }),
      request({ channel: "candles", interval: this.interval }),
    ]);
  }

  /** @param {string} instrument */
  async _enter(instrument) {
    await Promise.all([
      this._connection.request("subscribe", { channel: "book", instrument, depth: BOOK_DEPTH }),
      this._enterTrades(instrument),
      this._enterCandles(instrument, this.interval),
    ]);
  }

  /** @param {string} instrument */
  async _enterTrades(instrument) {
    await this._connection.request("subscribe", { channel: "trades", instrument });
    const answer = await this._connection.request("market.trades", { instrument, limit: TRADES_SHOWN });
    if (instrument !== this.symbol) return;
    this.tradesLoaded = true;
    this._mergeTrades(answer.trades);
  }

  /**
   * @param {string} instrument
   * @param {string} interval
   */
  async _enterCandles(instrument, interval) {
    await this._connection.request("subscribe", { channel: "candles", instrument, interval });
    const answer = await this._connection.request("market.candles", { instrument, interval, limit: CANDLES_LOADED });
    if (instrument !== this.symbol || interval !== this.interval) return;
    for (const candle of answer.candles) {
      // The channel may have brought a newer one meanwhile; what is left from an earlier connection is older.
      const known = this.candles.get(candle.start);
      if (!known || known.trades < candle.trades) this.candles.set(candle.start, candle);
    }
    this.candlesLoaded = true;
    this._on.candles(null);
  }

  /** @param {any} params */
  _takeBook(params) {
    // After a mismatch only a snapshot helps.
    if (this.bookState !== "verified" && params.data.type !== "snapshot") return;
    try {
      this.book.apply(params);
      this.bookState = "verified";
      if (params.data.type !== "snapshot") this._mismatches = 0;
    } catch (error) {
      if (!(error instanceof BookMismatch)) throw error;
      this._mismatches += 1;
      this.bookState = this._mismatches < MOST_MISMATCHES ? "loading" : "broken";
      if (this.bookState === "loading") {
        this._askForSnapshot(params.data.instrument).catch(() => this._connection.renew());
      }
    }
    this._on.book();
  }

  /** @param {string} instrument */
  async _askForSnapshot(instrument) {
    await this._connection.request("unsubscribe", { channel: "book", instrument });
    if (instrument !== this.symbol) return;
    await this._connection.request("subscribe", { channel: "book", instrument, depth: BOOK_DEPTH });
  }

  /** @param {any[]} trades oldest first */
  _mergeTrades(trades) {
    const known = new Set(this.trades.map((trade) => trade.trade_id));
    const merged = [...trades.filter((trade) => !known.has(trade.trade_id)), ...this.trades];
    merged.sort((first, second) => second.trade_id - first.trade_id);
    this.trades = merged.slice(0, TRADES_SHOWN);
    this._on.trades();
  }

  /** @param {any[]} candles */
  _mergeCandles(candles) {
    for (const candle of candles) this.candles.set(candle.start, candle);
    if (this.candlesLoaded) this._on.candles(candles);
  }
}
