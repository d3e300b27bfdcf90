/** The selected instrument in one line, and the dialog with its terms. */

import { byId, cell, dialogById, element, setText, show } from "../dom.js";
import { decimalText, grouped, percentChange } from "../decimal.js";
import { describeInstrument, ruleTerms, unitName } from "./describe.js";

const STATES = { halted: "Halted: cancels only", closed: "Closed" };

export class StripView {
  /** @param {import("../instrument_feed.js").InstrumentFeed} feed */
  constructor(feed) {
    this._feed = feed;
    this._symbol = "";
    byId("about").addEventListener("click", () => this._openAbout());
    byId("about-close").addEventListener("click", () => dialogById("about-dialog").close());
  }

  /**
   * Shows another instrument.
   * @param {string} symbol
   */
  select(symbol) {
    this._symbol = symbol;
    this.draw();
  }

  /** Draws what is known now. */
  draw() {
    const instrument = this._feed.instruments.get(this._symbol);
    if (!instrument) return;
    const ticker = this._feed.tickers.get(this._symbol);
    const last = this._feed.lastPrice(this._symbol);
    const percent = last === null ? "" : percentChange(instrument.reference_price, last);
    setText(byId("strip-symbol"), instrument.symbol);
    setText(byId("strip-what"), describeInstrument(instrument, this._feed.classes));
    setText(byId("strip-last"), last === null ? "–" : `${grouped(last)} ${instrument.currency}`);
    const change = byId("strip-change");
    setText(change, percent || "–");
    change.title = `Against the reference price ${instrument.reference_price}`;
    change.classList.toggle("up", percent.startsWith("+"));
    change.classList.toggle("down", percent.startsWith("−"));
    setText(byId("strip-bid"), ticker?.best_bid ? grouped(ticker.best_bid) : "–");
    setText(byId("strip-ask"), ticker?.best_ask ? grouped(ticker.best_ask) : "–");
    setText(byId("strip-volume"), grouped(ticker?.volume ?? 0));
    setText(byId("strip-unit"), instrument.unit);
    setText(byId("strip-band"), `${grouped(instrument.lowest_price)} – ${grouped(instrument.highest_price)}`);
    const state = byId("strip-state");
    show(state, instrument.state !== "open");
    state.classList.toggle("closed", instrument.state === "closed");
    setText(state, STATES[/** @type {"halted" | "closed"} */ (instrument.state)] ?? "");
    document.title = last === null ? instrument.symbol : `${last} ${instrument.symbol}`;
  }

  _openAbout() {
    const instrument = this._feed.instruments.get(this._symbol);
    if (!instrument) return;
    setText(byId("about-title"), instrument.symbol);
    setText(byId("about-what"), instrument.name);
    byId("about-classes").replaceChildren(
      ...instrument.classes.map((/** @type {string} */ id) => this._classRow(id)),
    );
    byId("about-terms").replaceChildren(
      ...terms(instrument).map(([name, value]) =>
        element("div", {}, element("dt", {}, name), element("dd", { class: "number" }, value)),
      ),
    );
    dialogById("about-dialog").showModal();
  }

  /** @param {string} id */
  _classRow(id) {
    const one = this._feed.classes.get(id);
    return element(
      "tr",
      {},
      cell(id),
      cell(one?.registry ?? "–"),
      cell(one ? `${one.project} ${one.name}` : "–", "long-text"),
      cell(one ? String(one.vintage) : "–", "number"),
      cell(one?.country || "–"),
      cell(one?.labels?.join(", ") || "–"),
    );
  }
}

/**
 * @param {any} instrument
 * @returns {[string, string][]}
 */
function terms(instrument) {
  const percent = (/** @type {number} */ ppm) => `${decimalText(BigInt(ppm), 4).replace(/\.?0+$/, "")} %`;
  return [
    ["One unit", unitName(instrument.unit)],
    ["Currency", instrument.currency],
    ["Price tick", instrument.tick],
    ["Lot", grouped(instrument.lot)],
    ["Smallest order", grouped(instrument.minimum_quantity)],
    ["Largest order", grouped(instrument.maximum_quantity)],
    ["Reference price", grouped(instrument.reference_price)],
    ["Price band", `${grouped(instrument.lowest_price)} – ${grouped(instrument.highest_price)}`],
    ["Maker fee", percent(instrument.maker_fee_ppm)],
    ["Taker fee", percent(instrument.taker_fee_ppm)],
    ["State", instrument.state],
    ...(instrument.rule ? ruleTerms(instrument.rule) : []),
  ];
}
