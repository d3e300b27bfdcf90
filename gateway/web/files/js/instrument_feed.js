/** All instruments with their tickers, and the credit classes behind them. */

/** Tickers that one connection subscribes to; instruments beyond show what the list said. */
const MOST_TICKERS = 150;
const RELOAD_MS = 60000;

export class InstrumentFeed {
  /**
   * @param {import("./connection.js").Connection} connection
   * @param {() => void} onChange called after every change
   */
  constructor(connection, onChange) {
    this._connection = connection;
    this._onChange = onChange;
    /** @type {Map<string, any>} in the order of their symbols */
    this.instruments = new Map();
    /** @type {Map<string, any>} latest tickers by symbol */
    this.tickers = new Map();
    /** @type {Map<string, any>} credit classes by id */
    this.classes = new Map();
    this.businessDate = "";
    this.loaded = false;
    /** @type {Set<string>} */
    this._subscribed = new Set();
    this._timer = 0;
  }

  /** A connection is open: loads everything and follows it. Throws Refusal or Unanswered. */
  async connected() {
    this._subscribed.clear();
    clearTimeout(this._timer);
    await this.reload();
  }

  /** Loads terms, bands and reference prices, which change rarely. Throws Refusal or Unanswered. */
  async reload() {
    const answer = await this._connection.request("market.instruments");
    const listed = answer.instruments.map((/** @type {any} */ one) => [one.symbol, one]);
    this.instruments = new Map(listed.sort());
    this.businessDate = answer.business_date;
    this.loaded = true;
    this._onChange();
    await Promise.all([this._loadClasses(), this._followTickers()]);
    clearTimeout(this._timer);
    this._timer = window.setTimeout(() => this.reload().catch(() => {}), RELOAD_MS);
  }

  /**
   * Takes a push of the channel `ticker`.
   * @param {any} params
   */
  take(params) {
    const ticker = params.data;
    const instrument = this.instruments.get(ticker.instrument);
    this.tickers.set(ticker.instrument, ticker);
    if (instrument && instrument.state !== ticker.state) {
      this.instruments.set(ticker.instrument, { ...instrument, state: ticker.state });
    }
    this._onChange();
  }

  /**
   * The last price: of the ticker where there is one, else of the list.
   * @param {string} symbol
   * @returns {string | null}
   */
  lastPrice(symbol) {
    return this.tickers.get(symbol)?.last_price ?? this.instruments.get(symbol)?.last_price ?? null;
  }

  async _loadClasses() {
    const known = [...this.instruments.values()].every((one) =>
      one.classes.every((/** @type {string} */ id) => this.classes.has(id)),
    );
    if (known && this.classes.size) return;
    const response = await fetch("/api/v1/classes");
    if (!response.ok) return;
    const answer = await response.json();
    this.classes = new Map(answer.classes.map((/** @type {any} */ one) => [one.class_id, one]));
    this._onChange();
  }

  async _followTickers() {
    const symbols = [...this.instruments.keys()].slice(0, MOST_TICKERS);
    const missing = symbols.filter((symbol) => !this._subscribed.has(symbol));
    for (const symbol of missing) this._subscribed.add(symbol);
    await Promise.all(
      missing.map((instrument) => this._connection.request("subscribe", { channel: "ticker", instrument })),
    );
  }
}
