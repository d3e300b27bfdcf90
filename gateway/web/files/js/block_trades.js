/** Block trades of one account: the halves that wait for their other half, and what traded. */

const TRADES_KEPT = 300;

export class BlockTrades {
  /**
   * Halves that this account keyed, oldest first.
   * @type {Map<string, any>}
   */
  own = new Map();
  /**
   * Halves that others keyed and that name this account, oldest first.
   * @type {Map<string, any>}
   */
  alleged = new Map();
  /**
   * Newest first.
   * @type {any[]}
   */
  trades = [];
  _halvesAsOf = 0;
  _tradesAsOf = 0;

  /**
   * Loads everything. Throws Refusal or Unanswered.
   * @param {import("./connection.js").Connection} connection
   * @param {string} account
   */
  async load(connection, account) {
    const halves = await connection.request("block.list", { account });
    this.own = byName(halves.own);
    this.alleged = byName(halves.alleged);
    this._halvesAsOf = halves.seq;
    this.trades = [];
    /** @type {number | null} */
    let after = 0;
    while (after !== null) {
      /** @type {any} */
      const page = await connection.request("block.trades", { account, after_seq: after, limit: TRADES_KEPT });
      this.trades = [...page.trades.reverse(), ...this.trades].slice(0, TRADES_KEPT);
      this._tradesAsOf = page.seq;
      after = page.next_after_seq ?? null;
    }
  }

  /**
   * Takes a push of the channel `block_trades`.
   * @param {number} seq
   * @param {any} data
   */
  apply(seq, data) {
    if (data.kind === "traded") {
      const { account, counterparty, trade_reference: reference } = data.trade;
      this.own.delete(nameOf(account, counterparty, reference));
      this.alleged.delete(nameOf(counterparty, account, reference));
      if (seq > this._tradesAsOf) this.trades = [data.trade, ...this.trades].slice(0, TRADES_KEPT);
    } else if (seq <= this._halvesAsOf) {
      // It is in what was loaded.
    } else if (data.kind === "keyed") {
      const { half } = data;
      const list = half.account === data.account ? this.own : this.alleged;
      list.set(nameOf(half.account, half.counterparty, half.trade_reference), half);
    } else if (data.kind === "ended") {
      const name = nameOf(data.keyed_by, data.counterparty, data.trade_reference);
      this.own.delete(name);
      this.alleged.delete(name);
    }
  }
}

/** @param {any[]} halves */
function byName(halves) {
  return new Map(halves.map((half) => [nameOf(half.account, half.counterparty, half.trade_reference), half]));
}

/**
 * What identifies a half.
 * @param {string} account who keyed it
 * @param {string} counterparty
 * @param {string} reference
 */
function nameOf(account, counterparty, reference) {
  return JSON.stringify([account, counterparty, reference]);
}
