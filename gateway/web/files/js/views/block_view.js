/** The dialog of a block trade: to key a half of one's own, or to agree to the half of the other side. */

import { byId, dialogById, element, formById, inputById, selectById, setText, show } from "../dom.js";
import { grouped, parseDecimal } from "../decimal.js";
import { deliveryText, otherSide } from "./block_rows.js";
import { unitName } from "./describe.js";
import { explained, notify } from "./notices.js";
import { wholeNumber } from "./ticket_view.js";

const OLDEST_VINTAGES = "";
/** Serials are named with their class: the value of such a choice is this and the class. */
const SERIALS_OF = "serials of ";

export class BlockView {
  /**
   * @param {import("../order_requests.js").OrderRequests} requests
   * @param {() => Map<string, any>} listed the instruments by symbol
   */
  constructor(requests, listed) {
    this._requests = requests;
    this._listed = listed;
    this._dialog = dialogById("block-dialog");
    this._account = "";
    /**
     * The half to agree to; null where a new one is keyed.
     * @type {any}
     */
    this._alleged = null;
    byId("block-close").addEventListener("click", () => this._dialog.close());
    selectById("block-instrument").addEventListener("change", () => this._drawInstrument());
    selectById("block-deliver").addEventListener("change", () => this._drawSerials());
    formById("block-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this._submit();
    });
  }

  /**
   * Opens an empty form.
   * @param {string} account
   * @param {string} symbol the instrument in view
   */
  openNew(account, symbol) {
    this._open(account, null);
    const listed = [...this._listed().values()].filter((one) => one.state !== "closed");
    selectById("block-instrument").replaceChildren(
      ...listed.map((one) => element("option", { value: one.symbol }, `${one.symbol} (${one.name})`)),
    );
    if (symbol) selectById("block-instrument").value = symbol;
    this._drawInstrument();
    this._dialog.showModal();
    inputById("block-price").focus();
  }

  /**
   * Shows what somebody else keyed, to agree to it.
   * @param {any} half
   */
  openAlleged(half) {
    this._open(half.counterparty, half);
    const side = otherSide(half.side);
    const instrument = this._listed().get(half.instrument);
    setText(
      byId("block-summary"),
      `You ${side} ${grouped(half.quantity)} ${half.instrument} at ${grouped(half.price)} ${instrument?.currency ?? ""}` +
        ` ${side === "buy" ? "from" : "to"} ${half.account}.`,
    );
    byId("block-terms").replaceChildren(
      term("Instrument", instrument?.name ?? half.instrument),
      term("Delivered", deliveryText(half)),
      term("Reference", half.trade_reference),
    );
    this._dialog.showModal();
    byId("block-submit").focus();
  }

  /**
   * @param {string} account
   * @param {any} alleged
   */
  _open(account, alleged) {
    this._account = account;
    this._alleged = alleged;
    formById("block-form").reset();
    setText(byId("block-title"), alleged ? "Agree to a block trade" : "New block trade");
    setText(byId("block-submit"), alleged ? "Agree and trade" : "Key it");
    show(byId("block-entry"), !alleged);
    show(byId("block-confirm"), Boolean(alleged));
    this._say("");
  }

  _drawInstrument() {
    const instrument = this._listed().get(selectById("block-instrument").value);
    if (!instrument) return;
    setText(byId("block-price-unit"), `${instrument.currency}, tick ${instrument.tick}`);
    setText(byId("block-quantity-unit"), unitName(instrument.unit));
    const classes = /** @type {string[]} */ (instrument.classes);
    selectById("block-deliver").replaceChildren(
      element("option", { value: OLDEST_VINTAGES }, "The seller's oldest vintages"),
      ...(classes.length > 1 ? classes.map((id) => element("option", { value: id }, `Class ${id}`)) : []),
      ...classes.map((id) => element("option", { value: SERIALS_OF + id }, `Serial numbers of ${id}`)),
    );
    this._drawSerials();
  }

  _drawSerials() {
    show(byId("block-serials-field"), selectById("block-deliver").value.startsWith(SERIALS_OF));
  }

  async _submit() {
    const request = this._alleged ? this._agreed() : this._entered();
    if (!request) return;
    const submit = /** @type {HTMLButtonElement} */ (byId("block-submit"));
    submit.disabled = true;
    this._say("");
    try {
      const keyed = await this._requests.keyBlock(request);
      // Of a trade the channel tells.
      if (!keyed.trade) notify(`Keyed: block trade ${keyed.half.trade_reference} waits for ${keyed.half.counterparty}.`, "done");
      this._dialog.close();
    } catch (error) {
      this._say(explained(error));
    } finally {
      submit.disabled = false;
    }
  }

  /** The other side of the half that is shown. */
  _agreed() {
    const half = this._alleged;
    return {
      account: this._account,
      counterparty: half.account,
      trade_reference: half.trade_reference,
      instrument: half.instrument,
      side: otherSide(half.side),
      price: half.price,
      quantity: half.quantity,
      deliver: half.deliver,
      serials: half.serials.map((/** @type {any} */ { class_id, serial }) => ({ class_id, serial })),
    };
  }

  /**
   * What the form says, or null after pointing at a field that is missing.
   * @returns {Record<string, unknown> | null}
   */
  _entered() {
    const price = inputById("block-price").value.trim();
    const quantity = wholeNumber(inputById("block-quantity").value);
    const counterparty = inputById("block-counterparty").value.trim();
    const reference = inputById("block-reference").value.trim();
    if (!parseDecimal(price)) return this._missing("block-price", "The price is not a decimal number.");
    if (quantity === null) return this._missing("block-quantity", "The quantity is not a whole number.");
    if (!counterparty) return this._missing("block-counterparty", "Name the account of the other side.");
    if (!reference) return this._missing("block-reference", "Name the reference that both sides agreed on.");
    const deliver = selectById("block-deliver").value;
    /** @type {Record<string, unknown>} */
    const request = {
      account: this._account,
      counterparty,
      trade_reference: reference,
      instrument: selectById("block-instrument").value,
      side: String(new FormData(formById("block-form")).get("block-side")),
      price,
      quantity,
    };
    if (deliver.startsWith(SERIALS_OF)) {
      const lines = inputById("block-serials").value.split("\n").map((line) => line.trim()).filter(Boolean);
      if (!lines.length) return this._missing("block-serials", "Name the serial numbers.");
      const classId = deliver.slice(SERIALS_OF.length);
      request.serials = lines.map((serial) => ({ class_id: classId, serial }));
    } else if (deliver !== OLDEST_VINTAGES) {
      request.deliver = [{ class_id: deliver, quantity }];
    }
    return request;
  }

  /**
   * @param {string} id
   * @param {string} sentence
   */
  _missing(id, sentence) {
    const field = inputById(id);
    field.setAttribute("aria-invalid", "true");
    field.addEventListener("input", () => field.removeAttribute("aria-invalid"), { once: true });
    field.focus();
    this._say(sentence);
    return null;
  }

  /** @param {string} sentence */
  _say(sentence) {
    setText(byId("block-answer"), sentence);
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
const term = (name, value) => element("div", {}, element("dt", {}, name), element("dd", {}, value));
