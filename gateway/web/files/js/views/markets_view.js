/** The list of instruments. */

import { byId, element, inputById, setText, show } from "../dom.js";
import { grouped, percentChange } from "../decimal.js";
import { describeInstrument, searchText } from "./describe.js";
import { Rows } from "./rows.js";

/** @type {Record<string, string>} */
const STATES = { halted: "Halted", closed: "Closed" };

export class MarketsView {
  /**
   * @param {import("../instrument_feed.js").InstrumentFeed} feed
   * @param {(symbol: string) => void} onSelect
   */
  constructor(feed, onSelect) {
    this._feed = feed;
    this._selected = "";
    this._filter = inputById("market-filter");
    this._filter.addEventListener("input", () => this.draw());
    this._rows = new Rows(byId("market-list"), {
      key: (instrument) => instrument.symbol,
      create: (instrument) => this._create(instrument, onSelect),
      update: (row, instrument) => this._update(row, instrument),
    });
  }

  /**
   * Marks an instrument.
   * @param {string} symbol
   */
  select(symbol) {
    this._selected = symbol;
    this.draw();
    byId("market-list").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  /** Draws the list as it is now. */
  draw() {
    const wanted = this._filter.value.trim().toLowerCase();
    const { instruments, classes, loaded } = this._feed;
    const shown = [...instruments.values()].filter((one) => searchText(one, classes).includes(wanted));
    this._rows.show(shown);
    const empty = byId("markets-empty");
    show(empty, !shown.length);
    if (loaded) setText(empty, instruments.size ? "No instrument matches." : "No instrument is listed yet.");
  }

  /**
   * @param {any} instrument
   * @param {(symbol: string) => void} onSelect
   */
  _create(instrument, onSelect) {
    const button = element(
      "button",
      { type: "button", class: "market-row" },
      element("span", { class: "symbol" }, instrument.symbol),
      element("span", { class: "last number" }),
      element("span", { class: "change number" }),
      element("span", { class: "what" }),
      element("span", { class: "volume number", title: "Units traded today (UTC)" }),
    );
    button.addEventListener("click", () => onSelect(instrument.symbol));
    return element("li", {}, button);
  }

  /**
   * @param {HTMLElement} row
   * @param {any} instrument
   */
  _update(row, instrument) {
    const button = /** @type {HTMLElement} */ (row.firstElementChild);
    const [, last, change, what, volume] = button.children;
    const price = this._feed.lastPrice(instrument.symbol);
    const percent = price === null ? "" : percentChange(instrument.reference_price, price);
    const description = describeInstrument(instrument, this._feed.classes);
    setText(last, price === null ? "–" : grouped(price));
    setText(change, percent || "–");
    change.classList.toggle("up", percent.startsWith("+"));
    change.classList.toggle("down", percent.startsWith("−"));
    setText(what, instrument.state === "open" ? description : `${STATES[instrument.state]} · ${description}`);
    what.classList.toggle("warned", instrument.state !== "open");
    what.setAttribute("title", description);
    const units = this._feed.tickers.get(instrument.symbol)?.volume ?? 0;
    setText(volume, units ? `${grouped(units)} ${instrument.unit}` : "");
    if (instrument.symbol === this._selected) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}
