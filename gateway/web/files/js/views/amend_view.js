/** The dialog that changes a live order. */

import { byId, dialogById, formById, inputById, setText } from "../dom.js";
import { compareDecimals, grouped, parseDecimal } from "../decimal.js";
import { explained, notify } from "./notices.js";
import { wholeNumber } from "./ticket_view.js";

export class AmendView {
  /** @param {import("../order_requests.js").OrderRequests} requests */
  constructor(requests) {
    this._requests = requests;
    this._dialog = dialogById("amend-dialog");
    /** @type {any} */
    this._order = null;
    this._account = "";
    byId("amend-close").addEventListener("click", () => this._dialog.close());
    formById("amend-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this._submit();
    });
  }

  /**
   * Opens the dialog on an order as it stands now.
   * @param {string} account
   * @param {any} order
   */
  open(account, order) {
    this._account = account;
    this._order = order;
    const side = order.side === "buy" ? "Buy" : "Sell";
    setText(byId("amend-what"), `${side} ${order.instrument}, order ${order.order_id}, ${grouped(order.filled)} filled`);
    inputById("amend-price").value = order.price;
    inputById("amend-quantity").value = String(order.quantity);
    setText(byId("amend-answer"), "");
    this._dialog.showModal();
    inputById("amend-quantity").select();
  }

  async _submit() {
    const price = inputById("amend-price").value.trim();
    const quantity = wholeNumber(inputById("amend-quantity").value);
    if (!parseDecimal(price) || quantity === null) {
      setText(byId("amend-answer"), "Price is a decimal number, quantity a whole one.");
      return;
    }
    /** @type {{price?: string, quantity?: number}} */
    const change = {};
    if (compareDecimals(price, this._order.price) !== 0) change.price = price;
    if (quantity !== this._order.quantity) change.quantity = quantity;
    const submit = /** @type {HTMLButtonElement} */ (byId("amend-submit"));
    submit.disabled = true;
    try {
      const report = await this._requests.amend(this._account, this._order.order_id, change);
      notify(`Order ${report.order_id}: ${grouped(report.quantity)} at ${grouped(report.price)}, ${report.status.replace("_", " ")}.`, "done");
      this._dialog.close();
    } catch (error) {
      setText(byId("amend-answer"), explained(error));
    } finally {
      submit.disabled = false;
    }
  }
}
