/** The order book: both sides with depth bars, the spread between them, and whether the copy is verified. */

import { byId, element, setText } from "../dom.js";
import { decimal, decimalText, grouped, scaled } from "../decimal.js";

const ROWS = 25;

const STATES = { loading: "Loading", verified: "✓ Verified", broken: "Does not agree with the exchange", past: "Not current" };

export class BookView {
  /**
   * @param {import("../market_feed.js").MarketFeed} feed
   * @param {(price: string) => void} onPrice called with the price of a level that was chosen
   */
  constructor(feed, onPrice) {
    this._feed = feed;
    /**
     * Prices at which the account has open orders.
     * @type {Set<string>}
     */
    this.ownPrices = new Set();
    this._asks = makeSide(byId("asks"), onPrice);
    this._bids = makeSide(byId("bids"), onPrice);
    // The worst ask stands on top, the best beside the spread.
    this._asks.reverse();
  }

  /**
   * Draws the book.
   * @param {string | null} lastPrice
   */
  draw(lastPrice) {
    const { bids, asks } = this._feed.book;
    const largest = Math.max(1, sum(bids), sum(asks));
    this._drawSide(this._asks, asks, largest);
    this._drawSide(this._bids, bids, largest);
    setText(byId("spread-price"), lastPrice === null ? "–" : grouped(lastPrice));
    setText(byId("spread"), this._spreadText());
    const verified = byId("book-verified");
    setText(verified, STATES[this._feed.bookState]);
    verified.classList.toggle("ask", this._feed.bookState === "broken");
  }

  _spreadText() {
    const { bids, asks } = this._feed.book;
    if (this._feed.bookState === "loading") return "";
    if (!bids.length && !asks.length) return "No orders";
    if (!bids.length) return "No bids";
    if (!asks.length) return "No asks";
    const bid = decimal(bids[0][0]);
    const ask = decimal(asks[0][0]);
    const decimals = Math.max(bid.decimals, ask.decimals);
    return `Spread ${decimalText(scaled(ask, decimals) - scaled(bid, decimals), decimals)}`;
  }

  /**
   * @param {HTMLElement[]} rows best first
   * @param {import("../book_model.js").Level[]} levels
   * @param {number} largest
   */
  _drawSide(rows, levels, largest) {
    let total = 0;
    rows.forEach((row, index) => {
      const [price, quantity, running] = row.children;
      const level = levels[index];
      row.classList.toggle("own", Boolean(level && this.ownPrices.has(level[0])));
      if (!level) {
        row.dataset.price = "";
        row.style.setProperty("--depth", "0%");
        for (const part of row.children) setText(part, "");
        return;
      }
      total += level[1];
      row.dataset.price = level[0];
      row.style.setProperty("--depth", `${((100 * total) / largest).toFixed(1)}%`);
      setText(price, grouped(level[0]));
      setText(quantity, grouped(level[1]));
      setText(running, grouped(total));
    });
  }
}

/** @param {import("../book_model.js").Level[]} levels */
const sum = (levels) => levels.slice(0, ROWS).reduce((total, level) => total + level[1], 0);

/**
 * Rows of a side, top to bottom; they stay, so that nothing moves when prices do.
 * @param {HTMLElement} parent
 * @param {(price: string) => void} onPrice
 * @returns {HTMLElement[]}
 */
function makeSide(parent, onPrice) {
  const rows = Array.from({ length: ROWS }, () =>
    element(
      "div",
      { class: "level", role: "row" },
      element("span", { class: "price", role: "cell" }),
      element("span", { class: "quantity", role: "cell" }),
      element("span", { class: "sum", role: "cell" }),
    ),
  );
  for (const row of rows) {
    row.addEventListener("click", () => {
      if (row.dataset.price) onPrice(row.dataset.price);
    });
  }
  parent.append(...rows);
  return rows;
}
