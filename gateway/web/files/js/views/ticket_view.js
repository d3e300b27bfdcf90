/** Order entry: what the trader means becomes a request, with its cost beforehand and its outcome afterwards. */

import { byId, element, formById, inputById, selectById, setText, show } from "../dom.js";
import { decimal, decimalText, grouped, parseDecimal, scaled } from "../decimal.js";
import { explained, notify } from "./notices.js";
import { unitName } from "./describe.js";

const PPM = 1000000n;
const OLDEST_FIRST = "";

/**
 * @typedef {object} Circumstances what the ticket depends on
 * @property {any} instrument null while none is selected
 * @property {import("../account_feed.js").AccountFeed | null} account
 * @property {string} obstacle why no order can be sent now; empty when one can
 * @property {string | null} bestBid
 * @property {string | null} bestAsk
 * @property {number} cashDecimals decimals of the instrument's currency, where they are known
 */

export class TicketView {
  /**
   * @param {import("../order_requests.js").OrderRequests} requests
   * @param {() => Circumstances} circumstances
   */
  constructor(requests, circumstances) {
    this._requests = requests;
    this._circumstances = circumstances;
    this._form = formById("ticket-form");
    this._price = inputById("price");
    this._quantity = inputById("quantity");
    this._symbol = "";
    this._sending = false;
    this._form.addEventListener("input", () => this.draw());
    this._form.addEventListener("submit", (event) => {
      event.preventDefault();
      this._submit();
    });
    this._price.addEventListener("keydown", (event) => this._step(event));
    byId("take-bid").addEventListener("click", () => this.setPrice(this._circumstances().bestBid));
    byId("take-ask").addEventListener("click", () => this.setPrice(this._circumstances().bestAsk));
  }

  /**
   * Puts a price in.
   * @param {string | null} price
   */
  setPrice(price) {
    if (price === null) return;
    this._price.value = price;
    this.draw();
  }

  /** Draws what follows from the fields, the instrument and the account. */
  draw() {
    const { instrument, account, obstacle, bestBid, bestAsk } = this._circumstances();
    if (instrument && instrument.symbol !== this._symbol) this._change(instrument);
    const side = this._side();
    const market = selectById("order-type").value === "market";
    show(byId("ticket-banner"), Boolean(obstacle));
    setText(byId("ticket-banner"), obstacle);
    const place = /** @type {HTMLButtonElement} */ (byId("place"));
    place.disabled = Boolean(obstacle) || this._sending;
    place.className = `primary place ${side}`;
    const retiring = side === "buy" && inputById("retire-on-fill").checked;
    setText(place, this._sending ? "Sending" : `Place ${side} order${retiring ? " and retire" : ""}`);
    setText(byId("price-label"), market ? "Protection price (optional)" : "Limit price");
    setText(byId("take-bid"), bestBid === null ? "No bid" : `Bid ${grouped(bestBid)}`);
    setText(byId("take-ask"), bestAsk === null ? "No ask" : `Ask ${grouped(bestAsk)}`);
    show(byId("expire-field"), selectById("time-in-force").value === "gtd");
    show(byId("retire-on-fill-fields"), side === "buy");
    show(byId("retire-on-fill-terms"), inputById("retire-on-fill").checked);
    this._drawTimesInForce(market);
    this._drawDelivery(instrument, account, side);
    this._drawSums(instrument, account, side);
  }

  /** @param {any} instrument */
  _change(instrument) {
    this._symbol = instrument.symbol;
    this._price.value = "";
    setText(byId("ticket-symbol"), instrument.symbol);
    setText(byId("price-unit"), `${instrument.currency}, tick ${instrument.tick}`);
    const lot = instrument.lot > 1 ? `, lot ${grouped(instrument.lot)}` : "";
    setText(byId("quantity-unit"), unitName(instrument.unit) + lot);
    setText(byId("ticket-answer"), "");
  }

  /**
   * Market orders do not rest: only two times in force make sense for them.
   * @param {boolean} market
   */
  _drawTimesInForce(market) {
    const choice = selectById("time-in-force");
    for (const option of choice.options) option.disabled = market && !["ioc", "fok"].includes(option.value);
    if (market && choice.selectedOptions[0]?.disabled) choice.value = "ioc";
  }

  /**
   * Sellers into a basket may name the class that they deliver.
   * @param {any} instrument
   * @param {import("../account_feed.js").AccountFeed | null} account
   * @param {string} side
   */
  _drawDelivery(instrument, account, side) {
    const choosable = side === "sell" && (instrument?.classes.length ?? 0) > 1;
    show(byId("deliver-field"), choosable);
    if (!choosable) return;
    const choice = selectById("deliver");
    const held = instrument.classes.filter((/** @type {string} */ id) => (account?.availableUnits(id) ?? 0) > 0);
    const wanted = [OLDEST_FIRST, ...held];
    if ([...choice.options].map((option) => option.value).join() === wanted.join()) return;
    const before = choice.value;
    choice.replaceChildren(
      ...wanted.map((id) => element("option", { value: id }, id || "The oldest vintages that I hold")),
    );
    choice.value = wanted.includes(before) ? before : OLDEST_FIRST;
  }

  /**
   * @param {any} instrument
   * @param {import("../account_feed.js").AccountFeed | null} account
   * @param {string} side
   */
  _drawSums(instrument, account, side) {
    let need = "–";
    let available = "–";
    if (instrument && side === "buy") {
      const cost = this._highestCost(instrument);
      if (cost !== null) need = `${grouped(cost)} ${instrument.currency}`;
      if (account?.loaded) available = `${grouped(account.cashBalance(instrument.currency).available)} ${instrument.currency}`;
    } else if (instrument) {
      const quantity = parseDecimal(this._quantity.value);
      if (quantity) need = `${grouped(this._quantity.value.trim())} ${instrument.unit}`;
      if (account?.loaded) available = `${grouped(this._deliverable(instrument, account))} ${instrument.unit}`;
    }
    setText(byId("need-label"), side === "buy" ? "Needs at most (fee included)" : "Delivers");
    setText(byId("need"), need);
    setText(byId("available"), available);
  }

  /**
   * What a buy order holds: its notional at the limit and the higher fee, rounded up to the currency's decimals.
   * @param {any} instrument
   * @returns {string | null}
   */
  _highestCost(instrument) {
    const market = selectById("order-type").value === "market";
    const price = parseDecimal(this._price.value || (market ? instrument.highest_price : ""));
    const quantity = parseDecimal(this._quantity.value);
    if (!price || !quantity || quantity.decimals || price.units < 0n || quantity.units < 0n) return null;
    const { cashDecimals } = this._circumstances();
    const decimals = price.decimals;
    const notional = price.units * quantity.units;
    const fee_ppm = BigInt(Math.max(instrument.maker_fee_ppm, instrument.taker_fee_ppm));
    // In millionths of the price's last decimal, then rounded up to the currency's.
    const exact = notional * (PPM + fee_ppm) * 10n ** BigInt(cashDecimals);
    const divisor = PPM * 10n ** BigInt(decimals);
    return decimalText((exact + divisor - 1n) / divisor, cashDecimals);
  }

  /**
   * @param {any} instrument
   * @param {import("../account_feed.js").AccountFeed} account
   */
  _deliverable(instrument, account) {
    const chosen = selectById("deliver").value;
    /** @type {string[]} */
    const classes = chosen && instrument.classes.length > 1 ? [chosen] : instrument.classes;
    return classes.reduce((total, id) => total + account.availableUnits(id), 0);
  }

  _side() {
    return String(new FormData(this._form).get("side") ?? "buy");
  }

  /**
   * Arrow keys move the price by a tick.
   * @param {KeyboardEvent} event
   */
  _step(event) {
    const direction = { ArrowUp: 1n, ArrowDown: -1n }[event.key];
    const { instrument } = this._circumstances();
    if (!direction || !instrument) return;
    event.preventDefault();
    const decimals = instrument.price_decimals;
    const present = parseDecimal(this._price.value || instrument.reference_price);
    if (!present) return;
    const next = scaled(present, decimals) + direction * scaled(decimal(instrument.tick), decimals);
    if (next > 0n) this.setPrice(decimalText(next, decimals));
  }

  async _submit() {
    const { instrument, account, obstacle } = this._circumstances();
    if (!instrument || !account || obstacle || this._sending) return;
    const request = this._read(instrument, account.account);
    if (!request) return;
    this._sending = true;
    this.draw();
    this._tell("", "");
    try {
      const report = await this._requests.place(request);
      this._tell(outcome(report), report.status === "cancelled" ? "" : "done");
      this._quantity.value = "";
      // What cannot be undone is asked for each time.
      inputById("retire-on-fill").checked = false;
    } catch (error) {
      this._tell(explained(error), "refused");
    } finally {
      this._sending = false;
      this.draw();
    }
  }

  /**
   * The request, or null after pointing at a field that is missing.
   * @param {any} instrument
   * @param {string} account
   */
  _read(instrument, account) {
    const market = selectById("order-type").value === "market";
    const price = this._price.value.trim();
    const quantity = wholeNumber(this._quantity.value);
    const display = inputById("display-quantity").value.trim();
    const displayQuantity = display ? wholeNumber(display) : 0;
    if (!price && !market) return this._missing(this._price, "A limit order needs a price.");
    if (price && !parseDecimal(price)) return this._missing(this._price, "The price is not a decimal number.");
    if (quantity === null) return this._missing(this._quantity, "The quantity is not a whole number.");
    if (displayQuantity === null) {
      return this._missing(inputById("display-quantity"), "The shown quantity is not a whole number.");
    }
    /** @type {Record<string, unknown> & {account: string}} */
    const request = {
      account,
      instrument: instrument.symbol,
      side: this._side(),
      quantity,
      order_type: selectById("order-type").value,
      time_in_force: selectById("time-in-force").value,
      post_only: inputById("post-only").checked,
      display_quantity: displayQuantity,
      self_trade_prevention: selectById("self-trade-prevention").value,
    };
    if (price) request.price = price;
    if (request.time_in_force === "gtd") request.expire_date = inputById("expire-date").value;
    const deliver = selectById("deliver").value;
    if (request.side === "sell" && instrument.classes.includes(deliver) && instrument.classes.length > 1) {
      request.deliver = [{ class_id: deliver, quantity }];
    }
    if (request.side === "buy" && inputById("retire-on-fill").checked) {
      const beneficiary = inputById("retire-on-fill-beneficiary").value.trim();
      if (!beneficiary) {
        return this._missing(inputById("retire-on-fill-beneficiary"), "A retirement names its beneficiary.");
      }
      request.retire_on_fill = { beneficiary, purpose: inputById("retire-on-fill-purpose").value.trim() };
    }
    return request;
  }

  /**
   * @param {HTMLInputElement} field
   * @param {string} sentence
   */
  _missing(field, sentence) {
    field.setAttribute("aria-invalid", "true");
    field.addEventListener("input", () => field.removeAttribute("aria-invalid"), { once: true });
    field.focus();
    this._tell(sentence, "refused");
    return null;
  }

  /**
   * @param {string} sentence
   * @param {"" | "done" | "refused"} kind
   */
  _tell(sentence, kind) {
    const answer = byId("ticket-answer");
    answer.className = `answer ${kind}`;
    setText(answer, sentence);
    // The ticket may be out of sight on a phone.
    if (sentence && document.body.dataset.view !== "trade" && !answer.offsetParent) notify(sentence, kind || "plain");
  }
}

/**
 * A whole number above zero; null when the text is none.
 * @param {string} text
 */
export function wholeNumber(text) {
  const plain = text.replace(/[,\s]/g, "");
  const value = Number(plain);
  return /^\d+$/.test(plain) && value > 0 && Number.isSafeInteger(value) ? value : null;
}

/** @param {any} report */
function outcome(report) {
  const filled = `${grouped(report.filled)} of ${grouped(report.quantity)} filled`;
  const at = report.fills.length === 1 ? ` at ${grouped(report.fills[0].price)}` : "";
  const states = {
    open: "Order is in the book",
    partially_filled: `Order is in the book, ${filled}${at}`,
    filled: `Order is filled: ${grouped(report.filled)}${at}`,
    cancelled: `Order ended: ${filled}${at}, the rest cancelled`,
  };
  const retired = report.retirement_id ? ` What it bought is retired (${report.retirement_id}).` : "";
  return `${states[/** @type {keyof states} */ (report.status)]} (${report.order_id}).${retired}`;
}
